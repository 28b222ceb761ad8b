from __future__ import annotations

import json
from collections import Counter

import pytest

from pipeline.cli.reporting import show
from pipeline.errors import OverBudget
from pipeline.session.report import Report


@pytest.mark.parametrize("as_json", [True, False])
def test_the_exit_code_is_the_reports(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(Report(), as_json) == 0
    assert show(Report(open=1), as_json) == 3
    assert show(Report(error=OverBudget("x")), as_json) == 4
    assert capsys.readouterr().err == ""


def test_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(images=1, outcomes=Counter(captioned=1), problems=["bad \x1b[2J name"])
    show(report, as_json=False)
    assert "! bad \ufffd[2J name" in capsys.readouterr().out
    show(report, as_json=True)
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["problems"] == ["bad \x1b[2J name"]
