"""Page of a pilot: its figures, the commands that go on, and each picture beside its captions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.commands.html_file import render_file
from pipeline.commands.pilot_findings import Findings, Variant
from pipeline.core.pricing import format_usd
from pipeline.core.sampling import FEW, Interval
from pipeline.system.files import write_whole


def write_page(path: Path, findings: Findings, commands: Sequence[str]) -> None:
    """Write the page of a pilot; `commands` go on with a run, one for each variant.

    Raises:
        StorageError: it cannot be written.
    """
    page = render_page(findings, commands).encode("utf-8", "replace")
    write_whole(path, page, links=True)


def render_page(findings: Findings, commands: Sequence[str]) -> str:
    """HTML of the page."""
    filters: dict[str, Callable[..., object]] = {
        "expected": _expected,
        "range": _cost_range,
        "counts": _counts,
        "plain": _plain,
        "why": _commonest_reason,
    }
    return render_file(
        "pilot",
        filters,
        findings=findings,
        few=len(findings.sample) < FEW,
        rows=list(enumerate(zip(findings.sample, findings.thumbnails, strict=True))),
        variants=list(zip(findings.variants, commands, strict=True)),
    )


def _expected(cost: Interval | None) -> str:
    return "unknown" if cost is None else format_usd(cost.expected)


def _cost_range(cost: Interval | None) -> str:
    return "" if cost is None else f"{format_usd(cost.low)} to {format_usd(cost.high)}"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _commonest_reason(variant: Variant) -> str:
    """Commonest reason why there is no caption, "" where there is always one."""
    reasons = Counter(
        result.reason for result in variant.results if result.caption is None and result.reason
    )
    return reasons.most_common(1)[0][0] if reasons else ""


def _plain(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in fields.items()
    ]
