"""Prints a report and gives its exit code."""

from __future__ import annotations

import json

import click

from pipeline.cli.console import printable
from pipeline.report.summary import Report


def show(report: Report, as_json: bool) -> int:
    """The report on standard output, for people or as JSON."""
    if as_json:
        click.echo(json.dumps(report.as_dict()))
    else:
        for line in report.lines():
            click.echo(printable(line))
    return report.exit_code
