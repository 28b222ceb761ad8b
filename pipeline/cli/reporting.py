"""Prints a report and gives its exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli import console
from pipeline.errors import CaptionmillError

if TYPE_CHECKING:
    from pipeline.session.report import Report


def more_on(error: CaptionmillError) -> str:
    """Line about where to read on about an error."""
    return f"more: captionmill help {error.topic}"


def with_topic(error: CaptionmillError) -> str:
    """Message of an error, and where to read on."""
    return f"{error}\n{more_on(error)}"


def show(report: Report, as_json: bool) -> int:
    """Report on standard output, for people or as JSON."""
    if as_json:
        console.out(json.dumps(report.as_dict()))
    else:
        for line in report.lines(console.from_here):
            console.out(line)
        if report.error is not None:
            console.out(more_on(report.error))
    return report.exit_code
