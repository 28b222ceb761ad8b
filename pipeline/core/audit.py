"""Kinds of findings about captions, and rules that compare the captions of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from pipeline.core.caption_checks import CheckRules


class AuditKind(Struct, frozen=True):
    """Kind of finding: its name, a title for people, and what to do.

    Attributes:
        shared: it is about captions beside each other.
        pictured: it needs the picture, and comes with `captionmill audit --look` only.
    """

    name: str
    title: str
    advice: str
    shared: bool = False
    pictured: bool = False


KINDS = (
    AuditKind("refusal", "a refusal or an apology", "send it again, or reject it"),
    AuditKind("same_text", "one text for unlike pictures", "compare the pictures", shared=True),
    AuditKind("alike", "near-identical captions in number",
              "ask for what tells the pictures apart", shared=True),
    AuditKind("opening", "words before the caption", "strip them in bulk"),
    AuditKind("same_opening", "an opening that many share", "vary it, or strip it in bulk",
              shared=True),
    AuditKind("echo", "the prompt repeated", "send it again"),
    AuditKind("loop", "words in a loop", "send it again"),
    AuditKind("cut_off", "an end that breaks off", "raise prompt.max_completion_tokens"),
    AuditKind("markup", "Markdown, HTML or JSON left in", "find and replace it in bulk"),
    AuditKind("language", "another script or language than the rest", "send it again",
              shared=True),
    AuditKind("clip_long", "longer than CLIP reads (77 tokens)", "ask for less, or shorten it"),
    AuditKind("t5_long", "longer than T5 reads (256 tokens)", "ask for less, or shorten it"),
    AuditKind("trigger", "the trigger word is missing", "set prompt.prefix"),
    AuditKind("unnamed", "a thing that the caption does not name", "look at the picture: a hint",
              pictured=True),
)  # fmt: skip
"""In the order in which they are shown. The index keeps them as bits by their places."""

KINDS_BY_NAME: Mapping[str, AuditKind] = {kind.name: kind for kind in KINDS}
BITS: Mapping[str, int] = {kind.name: 1 << place for place, kind in enumerate(KINDS)}
SHARED = sum(BITS[kind.name] for kind in KINDS if kind.shared)
"""Bits of the kinds that are about captions beside each other."""


def _check_rules() -> CheckRules:
    # its patterns take longer to compile than a configuration to be read, which names kinds only
    from pipeline.core.caption_checks import CheckRules

    return CheckRules()


class AuditRules(Struct, frozen=True):
    """Rules of an audit.

    Attributes:
        checks: of each caption by itself.
        off: kinds that nobody wants to hear of.
        same_text: unlike pictures with one text, from this number on.
        alike: near-identical captions, from this number on.
        opening_share: share of captions of one prompt that begin with the same four words.
        language_share: share of captions of one prompt that are in one language, so that another
            one is remarkable.
        few: captions below which nothing is said about shares.
    """

    checks: CheckRules = field(default_factory=_check_rules)
    off: frozenset[str] = frozenset()
    same_text: int = 2
    alike: int = 20
    opening_share: float = 0.25
    language_share: float = 0.8
    few: int = 20

    def least_alike(self, captions: int) -> int:
        """Near-identical captions that are remarkable among `captions`: one in a thousand."""
        return max(self.alike, captions // 1000)


def bits_of(names: Iterable[str]) -> int:
    """Bits of some kinds."""
    bits = 0
    for name in names:
        bits |= BITS[name]
    return bits


def names_of(bits: int) -> list[str]:
    """Names of kinds by their bits, in their order."""
    return [name for name, bit in BITS.items() if bits & bit]


def checked_kind(name: str) -> str:
    """Name of a kind.

    Raises:
        ValueError: there is none of that name; names those there are.
    """
    if name not in KINDS_BY_NAME:
        raise ValueError(f"{name!r} is no finding of an audit: {', '.join(KINDS_BY_NAME)}")
    return name
