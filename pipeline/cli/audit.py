"""captionmill audit"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.cli.reporting import with_topic
from pipeline.core.words import counted
from pipeline.errors import EXIT_DONE, about

if TYPE_CHECKING:
    from pipeline.commands.audit import AuditReport, Example
    from pipeline.config import Config

_WIDEST = 96  # characters of a caption


@click.command("audit")
@click.option(
    "--fail", default="", metavar="KIND,...", help="Exit 11 where there are such findings."
)
@click.option(
    "--look", "pictures", is_flag=True, help="Show the pictures to the local model too; hints."
)
@json_option
@configured()
@about("review")
def audit(fail: str, pictures: bool, as_json: bool, config: Config) -> int:
    """Say what is remarkable about the captions, by kind with examples. Asks nobody.

    Without a model: refusals, repeated prompts, loops, broken-off ends, one text for unlike
    pictures, and more; thresholds are in [audit]. The review filters by the same findings.
    """
    from pipeline.commands import audit

    names = [name.strip() for name in fail.split(",") if name.strip()]
    report = audit.audit(config, fail=names, pictures=pictures, say=console.say)
    if as_json:
        console.out(json.dumps(_as_dict(report), ensure_ascii=False))
    else:
        for line in _lines(report):
            console.out(line)
    error = report.error(names)
    if error is not None:
        console.say(f"captionmill: {with_topic(error)}")
    return EXIT_DONE if error is None else error.exit_code


def _lines(report: AuditReport) -> Iterator[str]:
    for findings in report.findings:
        kind = findings.kind
        yield f"{findings.captions:>9,}  {kind.title} ({kind.name}): {kind.advice}"
        if kind.name in report.bounded:
            yield "           counted from below: no vocabulary for it is installed"
        for example in findings.examples:
            yield f"           {_shown(example)}"
    captions = counted(report.captions, "caption")
    if not report.findings:
        yield f"{captions}, nothing remarkable"
    else:
        yield f"{captions}, {report.affected:,} of them with findings"
        yield "'captionmill review' shows them: its filters at the left have the same kinds"


def _shown(example: Example) -> str:
    caption = " ".join(example.caption.split())
    if len(caption) > _WIDEST:
        caption = f"{caption[: _WIDEST - 3]}..."
    detail = f"  [{example.detail}]" if example.detail else ""
    return f"{example.path}: {caption}{detail}"


def _as_dict(report: AuditReport) -> dict[str, object]:
    return {
        "captions": report.captions,
        "captions_with_findings": report.affected,
        "counted_from_below": list(report.bounded),
        "findings": [
            {
                "kind": findings.kind.name,
                "title": findings.kind.title,
                "captions": findings.captions,
                "examples": [
                    {"path": each.path, "caption": each.caption, "detail": each.detail}
                    for each in findings.examples
                ],
            }
            for findings in report.findings
        ],
    }
