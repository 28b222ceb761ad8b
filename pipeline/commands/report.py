"""Report of a workspace as one HTML file: outcomes, money, sizes, reviews, findings, a sample."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.commands import audit, html_file
from pipeline.commands.review_index import ReviewIndex, open_review_index
from pipeline.commands.spend import spend
from pipeline.config import Config
from pipeline.core.budget_words import spent_and_reserved
from pipeline.core.charts import Bar, bars, buckets, every_day
from pipeline.core.outcomes import FACTS
from pipeline.core.pricing import format_usd
from pipeline.core.provider_kinds import LOCAL
from pipeline.core.reasons import PREPARATION
from pipeline.core.request import data_url
from pipeline.core.spending import Spend, Spending
from pipeline.core.words import counted
from pipeline.review import views
from pipeline.review.thumbnails import NoPicture
from pipeline.session.thumbnails import open_thumbnails
from pipeline.sources import to_path
from pipeline.system.clock import Clock
from pipeline.system.files import write_whole

_EXAMPLES, _SAMPLE = 4, 12
_HISTOGRAMS = (
    ("Longer side of the originals, pixels", "side", (512, 1024, 2048, 4096)),
    ("Tokens of a request and its answer", "tokens", (250, 500, 1000, 2000, 4000)),
    ("Length of the captions, characters", "characters", (50, 100, 200, 400, 800)),
)
_REVIEWS = ("accepted", "edited", "rejected", "undecided")


class Figure(Struct, frozen=True):
    """Figure in the head of the report."""

    label: str
    value: str
    note: str = ""


class ShownImage(Struct, frozen=True):
    """Image with its caption; `picture` is a data URL, or "" with words `instead`."""

    path: str
    caption: str
    detail: str
    picture: str
    instead: str


class ShownFindings(Struct, frozen=True):
    """Findings of one kind with examples."""

    title: str
    advice: str
    captions: int
    examples: tuple[ShownImage, ...]


class WorkspaceReport(Struct, frozen=True):
    """Report of a workspace, in words and bars; see its template."""

    title: str
    made: str
    captioned_by: str
    figures: tuple[Figure, ...]
    outcomes: list[Bar]
    reasons: list[Bar]
    free: bool
    money: str
    period: str
    days: list[Bar]
    models: tuple[Spend, ...]
    histograms: list[tuple[str, list[Bar]]]
    review: list[Bar]
    review_words: str
    findings: tuple[ShownFindings, ...]
    audit_words: str
    sample: tuple[ShownImage, ...]
    sample_words: str


def write_report(config: Config, path: Path) -> WorkspaceReport:
    """Write the report of a workspace, also while another process works in it.

    Raises:
        UsageError: there is no workspace, or `path` is a file of it.
        StorageError: it cannot be written.
    """
    by_day, by_model = spend(config, "day"), spend(config, "model")
    with open_review_index(config) as opened:
        opened.settings.output.refuse_own(opened.workspace, path)
        report = _report(opened, by_day, by_model)
    page = html_file.render_file("report", report=report).encode("utf-8", "replace")
    write_whole(path, page, links=True)
    return report


def _report(opened: ReviewIndex, by_day: Spending, by_model: Spending) -> WorkspaceReport:
    counts = opened.library.filters.count_all()
    audited = audit.report_of(opened, _EXAMPLES)
    pictures = _Pictures(opened)
    free = _is_free(by_model, opened)
    days = every_day([(group.group, group.billed) for group in by_day.groups])
    return WorkspaceReport(
        title=opened.workspace.root.resolve().name,
        made=datetime.fromtimestamp(Clock().now(), UTC).strftime("Made on %d %B %Y, %H:%M UTC"),
        captioned_by=_captioned_by(counts),
        figures=tuple(_figures(counts, audited, by_day, free)),
        outcomes=_outcomes(counts),
        reasons=_reasons(counts),
        free=free,
        money=_money(by_day),
        period="month" if days and len(days[0][0]) == len("2026-11") else "day",
        days=[] if free else bars((day, nano, format_usd(nano)) for day, nano in days),
        models=() if free else by_model.groups,
        histograms=_histograms(opened),
        review=bars((name, counts[name], f"{counts[name]:,}") for name in _REVIEWS),
        review_words=_review_words(counts),
        findings=tuple(_findings(audited, pictures)),
        audit_words=_audit_words(audited),
        sample=tuple(pictures.show(card) for card in opened.library.sample(_SAMPLE)),
        sample_words=f"Of {counted(audited.captions, 'caption')}, spread over all.",
    )


class _Pictures:
    """Pictures of cards, small."""

    def __init__(self, opened: ReviewIndex) -> None:
        self._thumbnails = open_thumbnails(opened.workspace.review, opened.settings.open_original())

    def show(self, card: Mapping[str, Any], detail: str = "") -> ShownImage:
        """Card with its picture, or with words instead."""
        instead, url = views.picture_of(card) or "", ""
        if not instead:
            try:
                jpeg = self._thumbnails.get(card["source_id"], to_path(card["file"]), "small")
                url = data_url("image/jpeg", base64.b64encode(jpeg))
            except NoPicture as error:
                instead = str(error)
        return ShownImage(card["path"], card["caption"] or "", detail, url, instead)


def _is_free(by_model: Spending, opened: ReviewIndex) -> bool:
    provider = opened.index.ledger_fact("provider") or ""
    return not by_model.total.billed and provider.partition(":")[0] == LOCAL.service


def _captioned_by(counts: Mapping[str, Any]) -> str:
    models = [name for name, _ in counts["facets"]["model"]]
    prompts = counted(len([spec for spec in counts["specs"] if spec["images"]]), "prompt")
    return f"Captioned by {', '.join(models)} with {prompts}." if models else ""


def _figures(
    counts: Mapping[str, Any], audited: audit.AuditReport, money: Spending, free: bool
) -> Iterator[Figure]:
    outcomes = dict(counts["facets"]["outcome"])
    images, answered = counts["images"], outcomes.get("captioned", 0) + outcomes.get("duplicate", 0)
    share = f"{100 * answered / images:.1f} % of all" if images else ""
    yield Figure("Images", f"{images:,}")
    yield Figure("With a caption", f"{answered:,}", share)
    yield Figure("Spent", "$0" if free else format_usd(money.total.billed))
    if not free and answered:
        each = money.total.billed * 1000 // answered
        yield Figure("For 1,000 captions", format_usd(each))
    judged = sum(counts[name] for name in _REVIEWS[:3])
    yield Figure("Reviewed", f"{judged:,}")
    yield Figure("With findings", f"{audited.affected:,}", "of the audit")


def _outcomes(counts: Mapping[str, Any]) -> list[Bar]:
    rows = counts["facets"]["outcome"]
    notes = [FACTS[name].words if name in FACTS else "" for name, _ in rows]
    return bars([(name, times, f"{times:,}") for name, times in rows], notes)


def _reasons(counts: Mapping[str, Any]) -> list[Bar]:
    rows = [(code, times) for code, times in counts["facets"]["reason_code"] if code]
    notes = [PREPARATION[code].advice if code in PREPARATION else "" for code, _ in rows]
    return bars([(code, times, f"{times:,}") for code, times in rows], notes)


def _money(by_day: Spending) -> str:
    words = f"{spent_and_reserved(by_day.total.billed, by_day.reserved)}."
    if by_day.total.estimated_requests:
        words += f" {format_usd(by_day.total.estimated)} were expected."
    parts = [
        f"{format_usd(saved)} ({what})" for _, what, count, saved in by_day.savings.parts() if count
    ]
    return f"{words} Saved: {', '.join(parts)}." if parts else words


def _histograms(opened: ReviewIndex) -> list[tuple[str, list[Bar]]]:
    filters = opened.library.filters
    charts = [
        (title, list(zip(buckets(edges), filters.histogram(measure, edges), strict=True)))
        for title, measure, edges in _HISTOGRAMS
    ]
    return [
        (title, bars((label, times, f"{times:,}") for label, times in _trimmed(rows)))
        for title, rows in charts
        if any(times for _, times in rows)
    ]


def _trimmed(rows: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """Rows without the empty ones at both ends."""
    filled = [place for place, (_, times) in enumerate(rows) if times]
    return rows[filled[0] : filled[-1] + 1]


def _review_words(counts: Mapping[str, Any]) -> str:
    judged = sum(counts[name] for name in _REVIEWS[:3])
    if not judged:
        return "Nobody has judged a caption yet: 'captionmill review' opens a page for it."
    return f"{judged:,} of {judged + counts['undecided']:,} captions were judged."


def _audit_words(audited: audit.AuditReport) -> str:
    captions = counted(audited.captions, "caption")
    if not audited.findings:
        return f"{captions}, nothing remarkable."
    return (
        f"{audited.affected:,} of {captions} have findings. They are found without a model and are "
        "hints: 'captionmill review' filters by them."
    )


def _findings(audited: audit.AuditReport, pictures: _Pictures) -> Iterator[ShownFindings]:
    for each in audited.findings:
        title, advice = (
            text[:1].upper() + text[1:] for text in (each.kind.title, each.kind.advice)
        )
        examples = tuple(pictures.show(one.card, one.detail) for one in each.examples)
        yield ShownFindings(title, f"{advice}.", each.captions, examples)
