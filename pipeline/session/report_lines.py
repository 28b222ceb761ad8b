"""Lines of a report for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from pipeline.core.advice import refusal_sentence
from pipeline.core.budget_words import spent_and_reserved
from pipeline.core.outcomes import NAMES
from pipeline.core.pricing import format_usd
from pipeline.core.run_round import waiting_words
from pipeline.core.words import commonest, counted, duration
from pipeline.session.report_figures import ReportFigures

_ROW_ADVICE = {
    "outside_root": "of files outside of the table's folder: --set input.allow_outside=true "
    "takes them",
    "missing_file": "of files that are not there: paths count from the table's own folder; "
    "rejects.csv names them",
}
_FAILURES = 3  # kinds of them that are explained
_NAMED = 3  # other sources
_SOURCES = 10  # whose outcomes are spelled out
_SHOWN = 12  # problems and reasons that are spelled out
_NAME, _CAPTION = 32, 72  # characters of a path and of a caption


def report_lines(report: ReportFigures, shorten: Callable[[str], str]) -> Iterator[str]:
    """Lines for a terminal; `shorten` is applied to paths."""
    yield f"images      {report.images:>10,}"
    for outcome in NAMES:
        if count := report.outcomes[outcome]:
            yield f"  {outcome:<11}{count:>9,}{_aside(report, outcome)}"
    yield from _by_source(report)
    if report.skipped:
        yield f"not images  {sum(report.skipped.values()):>10,}   {commonest(report.skipped)}"
    yield f"requests    {report.requests:>10,}   {_sent(report)}"
    if report.prompt_tokens or report.completion_tokens:
        yield (
            f"tokens      {report.prompt_tokens + report.completion_tokens:>10,}   "
            f"{report.prompt_tokens:,} prompt + {report.completion_tokens:,} completion"
        )
    yield f"cost        {format_usd(report.run_settled):>10}   {_money(report)}"
    yield f"time        {duration(report.seconds):>10}"
    yield f"table       {shorten(report.table)}{_others(report)}"
    for text in report.problems[:_SHOWN]:
        yield f"! {text}"
    if len(report.problems) > _SHOWN:
        yield f"! and {len(report.problems) - _SHOWN} more, see the log"
    yield from _newest(report)
    yield from _next_step(report)


def captions_apart(captions: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Captions from the middle of each of `count` equal parts, all when they are that few."""
    if len(captions) <= count:
        return list(captions)
    return [captions[len(captions) * (2 * part + 1) // (2 * count)] for part in range(count)]


def _by_source(report: ReportFigures) -> Iterator[str]:
    """Outcomes of each source, where there are several."""
    shown = list(report.by_source.items())[:_SOURCES]
    width = min(_NAME, max((len(name) for name, _ in shown), default=0))
    for name, outcomes in shown:
        counts = ", ".join(
            f"{outcome} {outcomes[outcome]:,}" for outcome in NAMES if outcomes[outcome]
        )
        yield f"  {name[:_NAME]:<{width}}  {counts or 'no images'}"
    if (left := len(report.by_source) - _SOURCES) > 0:
        yield f"  and {counted(left, 'more source')}: --json has all of them"


def _others(report: ReportFigures) -> str:
    """Words about other sources in the table, and how to have one's rows alone."""
    others = report.other_sources
    if not others:
        return ""
    names = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
    return (
        f", with the rows of {counted(len(others), 'other source')} too ({names}): "
        "'captionmill export --source NAME --out FILE' writes one alone"
    )


def _aside(report: ReportFigures, outcome: str) -> str:
    failed = Counter({code: times for code, times, _ in report.failures if code})
    counts = {"rejected": report.reasons, "failed": failed}.get(outcome)
    return f"   {commonest(counts)}" if counts else ""


def _sent(report: ReportFigures) -> str:
    if report.files:
        return f"in {counted(report.files, 'file')}, this run"
    if report.requests:
        batches = f"in {counted(report.batches, 'batch', 'batches')}"
        return f"{batches if report.batches else 'online'}, this run"
    return "nothing new was sent"


def _money(report: ReportFigures) -> str:
    if report.local:
        return "the local model is free"
    reserved = f" + {format_usd(report.run_reserved)} reserved" if report.run_reserved else ""
    return f"this run{reserved}; workspace: {spent_and_reserved(report.settled, report.reserved)}"


def _next_step(report: ReportFigures) -> Iterator[str]:
    for code, _, words in report.failures[:_FAILURES]:
        yield f"failed: {refusal_sentence(code, words)}"
    if left := report.reasons["url_not_enabled"]:
        yield (
            f"{counted(left, 'image')} at URLs left out: --fetch downloads them here, "
            "--image-mode url sends their addresses"
        )
    if report.stale.images:
        yield report.stale.sentence()
    for code, advice in _ROW_ADVICE.items():
        if left := report.reasons[code]:
            yield f"{counted(left, 'row')} {advice}"
    if report.incidents:
        yield (
            f"{counted(len(report.incidents), 'incident')} to look at: 'captionmill status' "
            "shows them, 'captionmill resolve seen' puts them away"
        )
    if report.open:
        yield (
            f"{counted(report.open, 'batch', 'batches')} under way at the service: run again, "
            f"or 'captionmill collect', to fetch {'its' if report.open == 1 else 'their'} answers"
        )
    if report.in_files:
        yield (
            f"{counted(report.in_files, 'request')} in files: run them, then 'captionmill "
            "collect --from FILE' with what came out, or give them back by 'captionmill "
            "cancel --files'"
        )
    elif not report.open and report.outcomes["pending"] and report.error is None:
        words = waiting_words(report.waiting)
        why = (
            f", {words}" if words else ", left for later runs by --limit" if report.limited else ""
        )
        yield f"{counted(report.outcomes['pending'], 'image')} pending{why}: run again to go on"


def _newest(report: ReportFigures) -> Iterator[str]:
    """Some captions, and where they can be looked at and used."""
    if not report.captions:
        return
    width = min(_NAME, max(len(path) for path, _ in report.captions))
    for path, caption in report.captions:
        text = " ".join(caption.split())
        shown = text if len(text) <= _CAPTION else f"{text[: _CAPTION - 3]}..."
        name = path if len(path) <= width else f"...{path[3 - width :]}"
        yield f"  {name:<{width}}  {shown}"
    yield f"look at them: captionmill review{report.reopen}"
    yield f"use them:     captionmill export --to FORMAT TARGET{report.reopen}"
