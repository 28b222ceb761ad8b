"""Images that a source no longer has: gone on purpose, or on a disk that is not mounted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from pipeline.core.reasons import OUT_OF_REACH
from pipeline.core.words import counted

MANY = 20
"""A smaller source may lose most of its images without a doubt."""


class LossRule(Struct, frozen=True):
    """Rule that decides when images that a source no longer has count as gone.

    Attributes:
        share: a loss of more than this part of a source is doubtful.
        may_be_empty: the source is emptied on purpose.
        accepted: a person said that the images are gone.
    """

    share: Decimal = Decimal("0.5")
    may_be_empty: bool = False
    accepted: bool = False


def is_doubtful(before: int, after: int, rule: LossRule) -> bool:
    """Tell whether a source that had `before` images and now has `after` may lack its disk."""
    if rule.accepted or after >= before:
        return False
    if after == 0:
        return not rule.may_be_empty
    return before >= MANY and before - after > rule.share * before


def loss_sentence(name: str, before: int, after: int) -> str:
    """Sentence about a source that lacks so many images that its disk may be missing."""
    left = "none" if after == 0 else f"{after:,}"
    return (
        f"{left} of the {counted(before, 'image')} of {name} {'is' if after == 1 else 'are'} "
        "there: is a disk not mounted? Their rows and captions stay as they are; if they are gone "
        "for good, run again with --accept-lost"
    )


def empty_sentence(name: str, others: Mapping[str, int], rejected: Mapping[str, int]) -> str:
    """Sentence about a source without any image: what it holds instead, or why nothing is there.

    Args:
        others: files that are no images, by suffix.
        rejected: rows without an image, by reason.
    """
    counts = [f"{count:,} {suffix}" for suffix, count in _most(others)]
    counts += [f"{count:,} {code}" for code, count in _most(rejected)]
    instead = ", ".join(counts) or "it is empty"
    if rejected and not others:
        advice = _ROWS.get(next(code for code, _ in _most(rejected)), _PATHS)
    else:
        advice = (
            "is it the right one, and is its disk mounted? [input] may_be_empty = true is for "
            "what is emptied on purpose"
        )
    return f"no images in {name}: {instead}; {advice}"


_PATHS = (
    "the paths of the table must be relative to its own folder, or absolute; names in an archive "
    "must not lead out of it"
)
_ROWS = {
    "bad_row": "rejects.csv in the workspace says what is wrong with each",
    "encrypted": "unpack it with its password first",
    "outside_root": "allow files outside of the table's folder with --set input.allow_outside=true",
    OUT_OF_REACH: "mend what is said about the storage of its images, and run again",
    "url_not_enabled": "--fetch downloads images at URLs, --image-mode url sends their addresses",
}


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
