"""Money spent by day, model and the like, from the books; nothing is sent or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.catalogue import ModelTable
from pipeline.core.openmetrics import Metric, openmetrics_text
from pipeline.core.pricing import usd_text
from pipeline.core.spending import (
    BY_COLUMN,
    GROUPINGS,
    Savings,
    Spend,
    Spending,
    grouped,
    smaller_saving,
)
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.providers.models import model_facts
from pipeline.records import Nano
from pipeline.session.account import resolve_account
from pipeline.session.settings import RunSettings
from pipeline.sinks.csv_rows import write_csv
from pipeline.sinks.earlier_export import refuse_other_rows
from pipeline.system.files import write_whole

_NOT_SPENT = {
    "duplicates": "Dollars not spent on duplicates.",
    "known": "Dollars of the table paid by runs before the last one.",
    "smaller": "Dollars not spent as images were sent smaller than in the file.",
}


def spend(
    config: Config, by: str = "day", *, csv: Path | None = None, openmetrics: Path | None = None
) -> Spending:
    """Sum the charges of a workspace by group, also while another process works in it.

    Args:
        csv, openmetrics: files that are replaced by the same figures.

    Raises:
        UsageError: there is no workspace or grouping of that name, or a file is the workspace's.
        StorageError: a file cannot be written.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account, offline=True, existing=True)
    for path in filter(None, (csv, openmetrics)):
        settings.output.refuse_own(workspace, path)
    with Ledger(workspace.ledger, read_only=True) as ledger:
        _check_grouping(ledger, by)
        with ledger.database.snapshot():
            spending = Spending(
                by,
                grouped(by, ledger.spending.sums_by(by)),
                ledger.reservations.totals().reserved,
                _savings(ledger, config.models),
            )
    if csv:
        names = list(_csv_row(Spend()))
        refuse_other_rows(csv, names)
        write_csv(csv, names, map(_csv_row, spending.groups))
    if openmetrics:
        text = openmetrics_text(metrics(spending, str(workspace.root)))
        write_whole(openmetrics, text.encode("utf-8", "replace"), links=True)
    return spending


def metrics(spending: Spending, workspace: str) -> list[Metric]:
    """Figures of a workspace as counters a group, and two gauges; what is known of no request of a
    group is left out."""
    by = spending.by

    def labels(group: str) -> dict[str, str]:
        where = {"workspace": workspace}
        if by.startswith(BY_COLUMN):
            return where | {"column": by.removeprefix(BY_COLUMN), "value": group}
        return where | {by: group}

    def counter(name: str, text: str, value: Callable[[Spend], str | None]) -> Metric:
        values = [(each.group, value(each)) for each in spending.groups]
        samples = tuple((labels(group), text) for group, text in values if text is not None)
        return Metric(f"captionmill_{name}", "counter", text, samples)

    def gauge(name: str, text: str, nano: Nano) -> Metric:
        sample = ({"workspace": workspace}, usd_text(nano))
        return Metric(f"captionmill_{name}", "gauge", text, (sample,))

    return [
        counter("requests", "Requests answered.", lambda s: str(s.requests)),
        counter("billed_usd", "Dollars that the books charge.", lambda s: usd_text(s.billed)),
        counter(
            "estimated_usd",
            "Dollars expected.",
            lambda s: usd_text(s.estimated) if s.estimated_requests else None,
        ),
        counter(
            "service_cost_usd",
            "Dollars as the service names its own cost.",
            lambda s: usd_text(s.service_cost) if s.service_cost_requests else None,
        ),
        counter("prompt_tokens", "Prompt tokens billed.", lambda s: str(s.prompt_tokens)),
        counter(
            "completion_tokens", "Completion tokens billed.", lambda s: str(s.completion_tokens)
        ),
        gauge("reserved_usd", "Dollars reserved for what is under way.", spending.reserved),
        *(
            gauge(f"{name}_saved_usd", _NOT_SPENT[name], saved)
            for name, _, _, saved in spending.savings.parts()
        ),
    ]


def _savings(ledger: Ledger, models: Mapping[str, ModelTable]) -> Savings:
    rule_of = cache(lambda model: model_facts(model, models).image_rule)  # groups are many
    count = saved = 0
    for group in ledger.spending.sent_smaller():
        if nano := smaller_saving(group, rule_of(group.model)):
            count, saved = count + group.requests, saved + nano
    return replace(ledger.spending.savings(), smaller=count, smaller_saved=saved)


def _check_grouping(ledger: Ledger, by: str) -> None:
    if by in GROUPINGS:
        return
    if not by.startswith(BY_COLUMN):
        raise UsageError(f"--by {by}: choose {', '.join(GROUPINGS)} or {BY_COLUMN}NAME")
    columns = ledger.rows.manifest_columns()
    if by.removeprefix(BY_COLUMN) not in columns:
        known = f"there are {', '.join(columns)}" if columns else "no manifest of it has columns"
        raise UsageError(f"--by {by}: the workspace has no such column; {known}")


def _csv_row(spend: Spend) -> Mapping[str, object]:
    """Cells of one group; what no request has is empty."""

    def dollars(nano: Nano, known: int) -> Decimal | None:
        return Decimal(usd_text(nano)) if known else None

    return {
        "group": spend.group,
        "note": spend.note,
        "requests": spend.requests,
        "estimated_usd": dollars(spend.estimated, spend.estimated_requests),
        "billed_usd": Decimal(usd_text(spend.billed)),
        "service_cost_usd": dollars(spend.service_cost, spend.service_cost_requests),
        "estimated_requests": spend.estimated_requests,
        "service_cost_requests": spend.service_cost_requests,
        "prompt_tokens": spend.prompt_tokens,
        "cached_tokens": spend.cached_tokens,
        "completion_tokens": spend.completion_tokens,
        "reasoning_tokens": spend.reasoning_tokens,
    }
