"""The warmed process, the tally of cases, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.crash.cases import Tally
from tests.crash.zygote import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One warmed process for all cases of this test process."""
    process = Zygote()
    yield process
    process.close()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Counts the cases of one test."""
    return Tally(request.node.user_properties)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Group, cases, violations, seconds."""
    lines: dict[str, list[float]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, value in report.user_properties:
                if name == "crash":
                    group, *figures = value
                    sums = lines.setdefault(group, [0, 0, 0.0])
                    lines[group] = [a + b for a, b in zip(sums, figures, strict=True)]
    if not lines:
        return
    lines["all"] = [sum(figures) for figures in zip(*lines.values(), strict=True)]
    terminalreporter.section("crash cases")
    terminalreporter.line(f"{'group':<44}{'cases':>8}{'violations':>12}{'seconds':>9}")
    for group, (cases, violations, seconds) in lines.items():
        terminalreporter.line(f"{group:<44}{cases:>8,.0f}{violations:>12,.0f}{seconds:>9.0f}")
