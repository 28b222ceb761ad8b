"""Prints a report and gives its exit code."""

from __future__ import annotations

import json

from pipeline.cli import console
from pipeline.session.report import Report


def show(report: Report, as_json: bool) -> int:
    """Report on standard output, for people or as JSON."""
    if as_json:
        console.out(json.dumps(report.as_dict()))
    else:
        for line in report.lines(console.from_here):
            console.out(line)
    return report.exit_code
