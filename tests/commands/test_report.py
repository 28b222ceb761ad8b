"""A report says what is in the workspace, in a file that needs nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.report import write_report
from pipeline.commands.review_sheet import export_sheet, import_sheet
from pipeline.errors import UsageError
from tests.browser import barriers
from tests.commands.test_pilot_page import EVIL, tags
from tests.rig import Rig


@pytest.fixture
def used(rig: Rig) -> Rig:
    """Captions of two models and a rejected image; one caption was replaced by hostile words."""
    rig.add("day/a.png", "day/b.png", "c.png")
    (rig.data / "empty.png").touch()
    rig.run()
    rig.add("d.png", first=9)
    rig.run(provider__model="gpt-6-sol")
    sheet = rig.data.parent / "sheet.csv"
    export_sheet(rig.config(), sheet)
    rows = sheet.read_text("utf-8-sig")
    caption = next(row["caption"] for row in rig.table() if row["path"] == "c.png")
    sheet.write_text(rows.replace(caption, f"""I'm sorry. {EVIL.replace('"', "'")}""", 1))
    assert len(import_sheet(rig.config(), sheet).judgements) == 1
    return rig


def test_all_of_the_workspace_is_in_it(used: Rig, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report = write_report(used.config(), path)
    html = path.read_text("utf-8")
    outcomes = {bar.label: bar.text for bar in report.outcomes}
    assert outcomes == {"captioned": "4", "rejected": "1"}
    assert [bar.label for bar in report.reasons] == ["empty_file"]
    assert {group.group for group in report.models} == {"gpt-6-luna", "gpt-6-sol"}
    with used.ledger() as ledger:
        charged = ledger.reservations.totals().charged
    assert sum(group.billed for group in report.models) == charged
    assert [bar.share for bar in report.days] == [1.0]
    assert "refusal" in html or "A refusal or an apology" in html
    assert len(report.sample) == 4
    assert html.count("data:image/jpeg;base64,") >= 4
    assert [(bar.label, bar.text) for bar in report.review][1] == ("edited", "1")
    assert "1 of 4 captions were judged." in html
    for title, chart in report.histograms:
        assert sum(int(bar.text) for bar in chart) in (4, 5), title


def test_nothing_that_comes_from_elsewhere_is_more_than_text(used: Rig, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(used.config(), path)
    html = path.read_text("utf-8")
    seen = tags(html)
    assert seen.found["script"] == 0
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert re.findall(r"(?:src|href)=\"(?!data:image)", html) == []


def test_it_is_not_written_over_a_file_of_the_workspace(used: Rig) -> None:
    with pytest.raises(UsageError, match="is a file of the workspace"):
        write_report(used.config(), used.workspace.ledger)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well(used: Rig, tmp_path: Path, browser: Any, scheme: Any) -> None:
    path = tmp_path / "report.html"
    write_report(used.config(), path)
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.goto(path.as_uri())
    for width in (320, 1280, 2500):
        page.set_viewport_size({"width": width, "height": 900})
        assert barriers(page) == [], width
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    context.close()
    assert errors == []
