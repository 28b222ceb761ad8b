"""captionmill spend"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.core.budget_words import spent_and_reserved
from pipeline.core.pricing import format_usd, with_usd
from pipeline.core.spending import Spend, Spending

if TYPE_CHECKING:
    from pipeline.config import Config

_HEAD = ("requests", "expected", "billed", "by service", "prompt tokens", "answer tokens")
_WIDEST = 48  # characters of a group's name


@click.command("spend")
@click.option(
    "--by",
    default="day",
    show_default=True,
    metavar="GROUP",
    help="day, month, run, model, prompt, folder or column:NAME.",
)
@json_option
@click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the groups as CSV too.",
)
@click.option(
    "--openmetrics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write them for a node exporter too.",
)
@configured()
def spend(
    by: str, as_json: bool, csv: Path | None, openmetrics: Path | None, config: Config
) -> int:
    """Money spent by day, model, folder and the like. Asks nobody and changes nothing.

    Days and months are those of the budget: in UTC, when the money was reserved. A folder or a
    value of a column is that of the image which was sent; what was written off without an answer
    has none. What was saved: duplicates in the table, the bill of the first request for their
    image; what earlier runs had paid, its bill; images that were sent smaller than
    they are, the tokens they would have had more by the model's rule.
    """
    from pipeline.commands import spend

    spending = spend.spend(config, by, csv=csv, openmetrics=openmetrics)
    if as_json:
        console.out(json.dumps(_as_dict(spending)))
        return 0
    for line in _lines(spending):
        console.out(line)
    return 0


def _lines(spending: Spending) -> Iterator[str]:
    total = spending.total
    rows: list[Sequence[str]] = [(spending.by, *_HEAD)]
    rows += [(_name(group), *_cells(group)) for group in spending.groups]
    rows.append(("total", *_cells(total)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield _aligned(row, widths)
    label = "saved"
    for _, words, count, saved in spending.savings.parts():
        if count:
            yield f"{label:<11} {format_usd(saved)}: {words}"
            label = ""
    yield f"money       {spent_and_reserved(total.billed, spending.reserved)}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells])


def _name(spend: Spend) -> str:
    """Name of a group in one line; a hash is cut before its words."""
    group = spend.group or "(not known)"
    if spend.note and len(group) == 64:
        group = group[:12]
    name = " ".join(f"{group}  {spend.note}".split())
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 3]}..."


def _cells(spend: Spend) -> tuple[str, ...]:
    return (
        f"{spend.requests:,}",
        _of(spend.estimated, spend.estimated_requests, spend.requests),
        format_usd(spend.billed),
        _of(spend.service_cost, spend.service_cost_requests, spend.requests),
        f"{spend.prompt_tokens:,}",
        f"{spend.completion_tokens:,}",
    )


def _of(nano: int, known: int, requests: int) -> str:
    """Sum, with the number of requests that it is of where that is not all."""
    if not known:
        return "-"
    return format_usd(nano) if known == requests else f"{format_usd(nano)} of {known:,}"


def _as_dict(spending: Spending) -> dict[str, object]:
    return with_usd({
        "by": spending.by,
        "groups": [
            {"group": group.group, "note": group.note, **_figures(group)}
            for group in spending.groups
        ],
        "total": _figures(spending.total),
        "reserved_nano_usd": spending.reserved,
        **{
            key: value
            for name, _, count, saved in spending.savings.parts()
            for key, value in ((name, count), (f"{name}_saved_nano_usd", saved))
        },
    })  # fmt: skip


def _figures(spend: Spend) -> dict[str, object]:
    return with_usd({
        "requests": spend.requests,
        "estimated_nano_usd": spend.estimated,
        "estimated_requests": spend.estimated_requests,
        "billed_nano_usd": spend.billed,
        "service_cost_nano_usd": spend.service_cost,
        "service_cost_requests": spend.service_cost_requests,
        "prompt_tokens": spend.prompt_tokens,
        "cached_tokens": spend.cached_tokens,
        "completion_tokens": spend.completion_tokens,
        "reasoning_tokens": spend.reasoning_tokens,
    })  # fmt: skip
