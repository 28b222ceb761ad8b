from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.server import faults
from pipeline.server.faults import BatchFault, FaultPlan, LineFault

_PLAN = """
seed = 7

[[request]]
method = "POST"
path = "/v1/batches"
nth = [1, 3]
action = "drop_after"

[[batch]]
times = 2
fail = "token_limit_exceeded"

[[line]]
probability = 0.05
outcome = "refusal"

[listing]
lag_seconds = 2.0

[compat]
upper_case_status = true
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return path


def test_reads_a_plan(tmp_path: Path) -> None:
    plan = FaultPlan.read(_write(tmp_path, _PLAN))
    assert plan.seed == 7
    assert plan.request[0].numbers == (1, 3)
    assert plan.batch == (BatchFault(times=2, fail="token_limit_exceeded"),)
    assert plan.line == (LineFault(probability=0.05, outcome="refusal"),)
    assert plan.listing.lag_seconds == 2
    assert plan.compat.upper_case_status


def test_the_module_shows_a_plan_that_loads(tmp_path: Path) -> None:
    shown = [line for line in (faults.__doc__ or "").splitlines() if line.startswith("    ")]
    plan = FaultPlan.read(_write(tmp_path, "\n".join(line.strip() for line in shown)))
    assert plan.request[0].action == "drop_after"
    assert plan.compat.upper_case_status


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[request]]\naction = "explode"', r"request\[0\]\.action"),
        ('[[request]]\naction = "status"\nstatus = 302', r"request\[0\].*400 to 599"),
        ('[[request]]\naction = "redirect"', r"request\[0\].*301, 302, 303, 307 or 308"),
        ("[[batch]]\nmising = 2", r"batch\[0\]\.mising"),
        ('[[line]]\noutcome = "refusal"\nprobability = 2', r"line\[0\]\.probability"),
        ("[listing]\npage_size = 0", r"listing\.page_size"),
        ("[listing\n", "not TOML"),
    ],
)
def test_a_bad_plan_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=rf"plan\.toml.*{words}"):
        FaultPlan.read(_write(tmp_path, text))


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        FaultPlan.read(tmp_path / "plan.toml")
