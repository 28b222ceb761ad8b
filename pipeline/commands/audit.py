"""Audit of a workspace's captions: what is remarkable about them, by kind with examples."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from pipeline.commands import audit_pictures
from pipeline.commands.review_index import ReviewIndex, open_review_index
from pipeline.config import Config
from pipeline.core.audit import KINDS_BY_NAME, AuditKind
from pipeline.errors import AuditFailed, UsageError
from pipeline.records import Say
from pipeline.review.search import Search

_EXAMPLES = 3


class Example(Struct, frozen=True):
    """Caption with a finding.

    Attributes:
        card: of the review's index.
        detail: what in the caption the finding is about, "" where it is about other captions.
    """

    card: Mapping[str, Any]
    detail: str

    @property
    def path(self) -> str:
        """Path of the image below its source."""
        return str(self.card["path"])

    @property
    def caption(self) -> str:
        """Caption in force: a person's where one decided."""
        return str(self.card["caption"])


class KindFindings(Struct, frozen=True):
    """Findings of one kind: how many captions have it, and some of them."""

    kind: AuditKind
    captions: int
    examples: tuple[Example, ...]


class AuditReport(Struct, frozen=True):
    """Audit of a workspace.

    Attributes:
        captions: how many there are.
        affected: those with a finding.
        findings: by kind, in the order of `core.audit`; none is empty.
        bounded: names of kinds whose tokens are a bound, as no vocabulary is installed.
    """

    captions: int
    affected: int
    findings: tuple[KindFindings, ...]
    bounded: tuple[str, ...]

    def error(self, fail: Collection[str]) -> AuditFailed | None:
        """Error for findings of kinds that must not be, None without one."""
        names = [each.kind.name for each in self.findings if each.kind.name in fail]
        return AuditFailed(f"the audit has findings: {', '.join(names)}") if names else None


def audit(
    config: Config,
    *,
    fail: Collection[str] = (),
    pictures: bool = False,
    say: Say = lambda _text: None,
) -> AuditReport:
    """Audit the captions in force of a workspace, also while another process works in it.

    Args:
        fail: kinds for which somebody will ask `AuditReport.error`.
        pictures: show them to the local model first, as far as it did not see them yet.

    Raises:
        UsageError: there is no workspace, or no such kind, or it is not looked for.
    """
    for name in fail:
        if name not in KINDS_BY_NAME:
            raise UsageError(f"--fail {name}: choose among {', '.join(KINDS_BY_NAME)}")
        if name in config.audit.off:
            raise UsageError(f"--fail {name}: [audit] off says not to look for it")
    with open_review_index(config) as opened:
        if pictures:
            audit_pictures.show_pictures(opened, say)
        return report_of(opened)


def report_of(opened: ReviewIndex, examples: int = _EXAMPLES) -> AuditReport:
    """Report of an index that is up to date."""
    rules = opened.index.audit.rules
    return AuditReport(
        captions=opened.library.count(Search.of([("captioned", "yes")])),
        affected=opened.library.count(Search.of([("finding", "any")])),
        findings=tuple(
            KindFindings(KINDS_BY_NAME[name], count, _examples(opened, name, examples))
            for name, count, _ in opened.library.filters.findings()
        ),
        bounded=tuple(each.kind for each in rules.checks.encoders if not each.exact),
    )


def _examples(opened: ReviewIndex, kind: str, count: int) -> tuple[Example, ...]:
    cards = opened.library.first(Search.of([("finding", kind)]), count)
    return tuple(Example(card, opened.library.details(card).get(kind, "")) for card in cards)
