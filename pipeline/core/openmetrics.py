"""Text of OpenMetrics, which a node exporter and Prometheus itself read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct


class Metric(Struct, frozen=True):
    """Family of samples.

    Attributes:
        name: without the "_total" that each sample of a counter ends in.
        samples: labels and the value as digits; no two of them have the same labels.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[tuple[Mapping[str, str], str], ...]


def openmetrics_text(metrics: Iterable[Metric]) -> str:
    """Exposition of all metrics that have samples, up to its "# EOF"."""
    lines = []
    for metric in metrics:
        if not metric.samples:
            continue
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines.append(f"# HELP {metric.name} {_escaped(metric.help)}")
        suffix = "_total" if metric.kind == "counter" else ""
        for labels, value in metric.samples:
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{metric.name}{suffix}{{{pairs}}} {value}")
    return "\n".join([*lines, "# EOF", ""])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
