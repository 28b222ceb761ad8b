"""Review without the page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.commands.export import export_table
from pipeline.commands.review_sheet import export_sheet, import_sheet, import_sidecars, recaption
from pipeline.errors import UsageError
from tests.rig import Rig


def captions(rig: Rig) -> dict[str, object]:
    export_table(rig.config(), rig.said.append)
    return {row["path"]: row["caption"] for row in rig.table()}


def test_a_sheet_goes_out_and_comes_back(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    sheet = tmp_path / "sheet.csv"
    assert export_sheet(rig.config(), sheet) == 2
    untouched = import_sheet(rig.config(), sheet)
    assert (untouched.judgements, untouched.unchanged) == ({}, 2)
    assert not rig.workspace.reviews.exists()
    before = str(captions(rig)["a.png"])
    sheet.write_text(sheet.read_text().replace(f"a.png,{before}", "a.png,by hand", 1))
    assert len(import_sheet(rig.config(review__reviewer="Ada"), sheet).judgements) == 1
    assert captions(rig)["a.png"] == "by hand"
    assert {row["reviewer"] for row in rig.table()} == {"Ada", None}
    assert import_sheet(rig.config(), sheet).unchanged == 2  # it is in force already


def test_a_sheet_with_edits_is_not_written_over(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("path,caption,review\nof,my,own\n")
    with pytest.raises(UsageError, match="no such export of captionmill"):
        export_sheet(rig.config(), sheet)
    sheet.write_text("")
    export_sheet(rig.config(), sheet)
    export_sheet(rig.config(), sheet)
    before = str(captions(rig)["a.png"])
    sheet.write_text(sheet.read_text().replace(f"a.png,{before}", "a.png,by hand", 1))
    with pytest.raises(
        UsageError, match=r"sheet\.csv has 1 edit that 'captionmill review --import'"
    ):
        export_sheet(rig.config(), sheet)
    import_sheet(rig.config(), sheet)
    export_sheet(rig.config(), sheet)
    assert "by hand" in sheet.read_text()


def test_texts_that_somebody_edited_beside_the_images(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run(output__sidecars="replace")
    assert import_sidecars(rig.config()).unchanged == 2
    (rig.data / "a.txt").write_text("by hand\n")
    assert len(import_sidecars(rig.config()).judgements) == 1
    assert captions(rig)["a.png"] == "by hand"


def test_recaption_says_how_many_and_how_much(rig: Rig) -> None:
    rig.add("day/a.png", "day/b.png", "c.png")
    rig.run()
    count, asked = recaption(rig.config(), ["day"], "too short")
    assert count == 2
    assert asked.startswith("The next run will send 2 requests again, for at most $")
    assert recaption(rig.config(), [str(rig.data / "c.png")])[0] == 1
    with pytest.raises(UsageError, match="none of them can go again"):
        recaption(rig.config(), ["c.png"])
    with pytest.raises(UsageError, match="no image of this workspace is at nowhere"):
        recaption(rig.config(), ["nowhere"])
    with pytest.raises(UsageError, match="an empty name is no image"):
        recaption(rig.config(), [""])
    assert rig.run().requests == 3
    assert rig.run().requests == 0


def test_names_that_are_not_utf_8_are_named_as_files_or_as_the_table_has_them(rig: Rig) -> None:
    rig.add("\udce9.png", "\udcea.png")
    rig.run()
    assert recaption(rig.config(), ["\udce9.png"])[0] == 1
    assert recaption(rig.config(), ["\\xea.png"])[0] == 1
    assert rig.run().requests == 2


def test_a_pipe_where_a_text_could_be_holds_nobody_up(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    os.mkfifo(rig.data / "a.txt")
    (rig.data / "b.txt").write_text("by hand\n")
    import_sidecars(rig.config())
    assert captions(rig)["b.png"] == "by hand"
