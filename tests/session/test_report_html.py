from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from pipeline.session.report import Report


def test_outcomes_are_bars_and_everything_is_escaped() -> None:
    report = Report(table="/ws/<b>.parquet", images=4, outcomes=Counter(captioned=3, rejected=1))
    report.note_problem("<script>alert(1)</script>")
    html = report._repr_html_()
    rows = list(ET.fromstring(f"<div>{html}</div>").iter("tr"))
    assert [[cell.text for cell in row][:2] for row in rows] == [
        ["captioned", "3"],
        ["rejected", "1"],
    ]
    assert "width:180px" in html
    assert "<script>" not in html
    assert "&lt;b&gt;.parquet" in html
    assert "cost" in html


def test_a_run_without_images_is_shown_too() -> None:
    assert Report()._repr_html_().startswith("<table></table><pre>images")
