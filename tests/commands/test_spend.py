from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from pipeline.commands.spend import metrics, spend
from pipeline.commands.status import status
from pipeline.core.openmetrics import openmetrics_text
from pipeline.core.pricing import line_cost, usd_text
from pipeline.core.spending import GROUPINGS, Spend, Spending
from pipeline.errors import UsageError
from pipeline.providers.prices import sheet_for
from pipeline.records import Usage
from tests.rig import Rig


def test_every_grouping_ends_in_what_status_says(rig: Rig) -> None:
    rig.add("a.png", "sub/b.png")
    (rig.data / "again.png").write_bytes((rig.data / "a.png").read_bytes())
    rig.run()
    current, bill = status(rig.config()), rig.server.bill.total_nano()
    for by in GROUPINGS:
        spending = spend(rig.config(), by)
        assert (spending.total.billed, spending.reserved) == (current.settled, current.reserved)
        assert (spending.total.billed, spending.total.requests) == (bill, 2)
        assert spending.savings.duplicates == 1
    folders = spend(rig.config(), "folder").groups
    assert {each.group for each in folders} == {"imgs", "imgs/sub"}
    assert all(each.billed > 0 and each.estimated > 0 for each in folders)


def test_what_is_under_way_is_reserved(slow_rig: Rig) -> None:
    slow_rig.add("a.png")
    slow_rig.run(wait=False)
    with slow_rig.workspace.lock():
        spending = spend(slow_rig.config())
    assert (spending.groups, spending.total) == ((), Spend())
    assert spending.reserved == status(slow_rig.config()).reserved > 0


def test_columns_of_a_manifest(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    manifest = tmp_path / "items.csv"
    manifest.write_text("path,album name\nimgs/a.png,=Sea\nimgs/b.png,Hills\n")
    rig.run(data=None, manifest=manifest)
    csv_file = tmp_path / "out.csv"
    spending = spend(rig.config(), "column:album name", csv=csv_file)
    assert {each.group for each in spending.groups} == {"=Sea", "Hills"}
    with csv_file.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["group"] for row in rows} == {"'=Sea", "Hills"}
    assert {row["billed_usd"] for row in rows} == {usd_text(s.billed) for s in spending.groups}
    assert {row["service_cost_usd"] for row in rows} == {""}
    with pytest.raises(UsageError, match="no such column; there are album name"):
        spend(rig.config(), "column:nothing")


def test_what_the_last_run_knew_saved_its_bill(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    assert spend(rig.config()).savings.known == 0
    paid = rig.server.bill.total_nano()
    rig.add("c.png")
    rig.run()
    savings = spend(rig.config()).savings
    assert (savings.known, savings.known_saved) == (2, paid)


def test_images_sent_smaller_saved_what_they_would_have_cost_more(rig: Rig) -> None:
    Image.effect_noise((896, 704), 80).save(rig.data / "large.png")
    rig.run(images__long_side=256)
    smaller = spend(rig.config())
    assert smaller.savings.smaller == 1
    rig.run(images__long_side=2048)
    by_run = spend(rig.config(), "run")
    assert by_run.savings == replace(by_run.savings, smaller=1)
    tokens = [group.prompt_tokens for group in by_run.groups]
    sheet = sheet_for("gpt-6-luna", "batch", datetime.now(UTC))
    assert sheet is not None
    more = Usage(tokens[1] - tokens[0])
    assert smaller.savings.smaller_saved == line_cost(more, sheet) > 0


def test_metrics_are_replaced_whole(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run()
    target = tmp_path / "captionmill.prom"
    target.write_text("old")
    spending = spend(rig.config(), "model", openmetrics=target)
    text = target.read_text()
    assert text.endswith("\n# EOF\n")
    assert f'model="gpt-6-luna"}} {usd_text(spending.total.billed)}\n' in text
    assert [path.name for path in tmp_path.glob("*captionmill.prom*")] == [target.name]


def test_metrics_hold_exact_dollars_and_leave_out_what_is_not_known() -> None:
    named = Spend('x"\n', billed=125_000, service_cost=3, service_cost_requests=1)
    spending = Spending("column:a b", (named, Spend("", billed=5)), 7)
    text = openmetrics_text(metrics(spending, "/ws"))
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == len({line.rsplit(" ", 1)[0] for line in samples}) == 13
    labels = 'workspace="/ws",column="a b",value="x\\"\\n"'
    assert f"captionmill_billed_usd_total{{{labels}}} 0.000125" in samples
    assert f"captionmill_service_cost_usd_total{{{labels}}} 0.000000003" in samples
    assert "estimated" not in text
    assert 'captionmill_reserved_usd{workspace="/ws"} 0.000000007' in samples


def test_no_file_of_the_workspace_is_overwritten(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run()
    before = rig.workspace.table.read_bytes()
    for path in (rig.workspace.table, rig.workspace.ledger):
        with pytest.raises(UsageError, match="is a file of the workspace"):
            spend(rig.config(), csv=path)
        with pytest.raises(UsageError, match="is a file of the workspace"):
            spend(rig.config(), openmetrics=path)
    elsewhere = tmp_path / "table.parquet"
    with pytest.raises(UsageError, match="is a file of the workspace"):
        spend(rig.config(output__parquet=str(elsewhere)), csv=elsewhere)
    assert rig.workspace.table.read_bytes() == before


def test_there_must_be_a_workspace_and_a_grouping(rig: Rig) -> None:
    with pytest.raises(UsageError, match="no workspace"):
        spend(rig.config())
    rig.add("a.png")
    rig.run()
    with pytest.raises(UsageError, match="choose day, month"):
        spend(rig.config(), "year")
    with pytest.raises(UsageError, match="no manifest of it has columns"):
        spend(rig.config(), "column:x")
