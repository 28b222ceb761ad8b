from __future__ import annotations

import pytest

from pipeline.commands.audit import audit
from pipeline.commands.review_sheet import export_sheet, import_sheet
from pipeline.errors import UsageError
from tests.rig import Rig


@pytest.fixture
def refused(rig: Rig) -> Rig:
    """Three captions, one of which a person replaced by a refusal."""
    rig.add("a.png", "b.png", "c.png")
    rig.run()
    sheet = rig.data.parent / "sheet.jsonl"
    export_sheet(rig.config(), sheet)
    caption = next(row["caption"] for row in rig.table() if row["path"] == "b.png")
    text = sheet.read_text().replace(f'"caption": "{caption}"', '"caption": "Sorry, I cannot."', 1)
    sheet.write_text(text)
    assert len(import_sheet(rig.config(), sheet).judgements) == 1
    return rig


def test_findings_by_kind_with_examples(refused: Rig) -> None:
    report = audit(refused.config())
    assert (report.captions, report.affected) == (3, 1)
    (findings,) = report.findings
    assert (findings.kind.name, findings.captions) == ("refusal", 1)
    (example,) = findings.examples
    assert (example.path, example.caption, example.detail) == (
        "b.png", "Sorry, I cannot.", "Sorry, I"
    )  # fmt: skip
    assert "t5_long" in report.bounded


def test_an_error_for_the_kinds_that_must_not_be(refused: Rig) -> None:
    report = audit(refused.config(), fail=["refusal", "loop"])
    error = report.error(["refusal", "loop"])
    assert error is not None
    assert (error.exit_code, str(error)) == (11, "the audit has findings: refusal")
    assert report.error(["loop"]) is None


def test_a_kind_that_is_not_looked_for(refused: Rig) -> None:
    with pytest.raises(UsageError, match="--fail lop: choose among refusal"):
        audit(refused.config(), fail=["lop"])
    with pytest.raises(UsageError, match="off says not to look for it"):
        audit(refused.config(audit__off=["loop"]), fail=["loop"])
