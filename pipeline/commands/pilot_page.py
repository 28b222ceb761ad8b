"""Page of a pilot: one HTML file that needs nothing else: no script, no font, no address.

Captions, prompts and file names come from elsewhere: everything is escaped, and the page's own
policy allows its one style sheet and embedded pictures, nothing more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline.commands.pilot_findings import Findings
from pipeline.core.pricing import format_usd
from pipeline.core.sampling import FEW, Interval
from pipeline.records import Nano
from pipeline.system.files import write_whole

_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def write_page(path: Path, findings: Findings, commands: Sequence[str]) -> None:
    """Write the page of a pilot; `commands` go on with a run, one for each variant.

    Raises:
        StorageError: it cannot be written.
    """
    write_whole(path, render_page(findings, commands).encode("utf-8", "replace"))


def render_page(findings: Findings, commands: Sequence[str]) -> str:
    """HTML of the page."""
    from jinja2 import Environment, StrictUndefined

    text = resources.files("pipeline.commands").joinpath("pilot.html").read_text("utf-8")
    style = _STYLE.search(text)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_visible)
    environment.filters.update(
        usd=_usd, expected=_expected, range=_range, counts=_counts, plain=_plain
    )
    return environment.from_string(text).render(
        findings=findings,
        few=len(findings.sample) < FEW,
        rows=list(enumerate(zip(findings.sample, findings.thumbnails, strict=True))),
        variants=list(zip(findings.variants, commands, strict=True)),
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
    )


def _usd(nano: Nano | None) -> str:
    return "unknown" if nano is None else format_usd(nano)


def _expected(cost: Interval | None) -> str:
    return "unknown" if cost is None else format_usd(cost.expected)


def _range(cost: Interval | None) -> str:
    return "" if cost is None else f"{format_usd(cost.low)} to {format_usd(cost.high)}"


def _visible(value: object) -> object:
    """Text without characters that turn its direction: a name must not read as another one."""
    return _TURNING.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _plain(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in fields.items()
    ]
