"""Sheets written, edited elsewhere and read back."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.formulas import defused, original_cell
from pipeline.errors import UsageError
from pipeline.review.sheets import mark_of, read_sheet, write_sheet

TEXTS = [
    "a cat",
    "=1+1",
    "-5 degrees\nand 'so on'",
    'it\'s "quoted", yes',
    "a;=b",
    "\u2028x",
    "'=x",
    "007",
    "1/2",
    "12:30",
    "1E5",
    "50%",
    "1,234",
    "Mar 5",
    "5 March 2026",
    "TRUE",
    "'90s car",
    "a\ttab",
    "日本 🙂",
]


def card(caption: str | None, number: int = 1, **values: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "path": "a.png", "caption": caption, "review": None, "note": None, "model_caption": caption,
        "source": "imgs", "outcome": "captioned", "source_id": bytes([number]) * 32,
        "selector": "{}",
    }  # fmt: skip
    return base | values


@given(st.text(alphabet=st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_defusing_is_undone(text: str) -> None:
    assert original_cell(defused(text)) == text


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_nobody_touched_is_unchanged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sheet{suffix}"
    assert write_sheet(path, (card(text, n) for n, text in enumerate(TEXTS))) == len(TEXTS)
    rows = list(read_sheet(path))
    assert [row.caption for row in rows] == TEXTS
    assert not any(row.caption_changed or row.review_changed for row in rows)


def test_no_cell_is_run_as_a_formula(tmp_path: Path) -> None:
    write_sheet(tmp_path / "s.csv", [card("=HYPERLINK(1)")])
    with (tmp_path / "s.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["caption"] == "'=HYPERLINK(1)"


def test_line_ends_and_semicolons_of_a_spreadsheet_are_no_edit(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_sheet(path, [card("one\ntwo"), card("a, b", 2)])
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    with path.open("w", encoding="utf-16", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerows([[cell.replace("\n", "\r\n") for cell in row] for row in table])
    assert not any(row.caption_changed for row in read_sheet(path))


def test_a_round_through_libreoffice_is_no_edit(tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("no LibreOffice here: install the Debian package `libreoffice-calc`")
    path = tmp_path / "s.csv"
    write_sheet(path, (card(text, n) for n, text in enumerate(TEXTS)))
    for kind, source in (("ods", path), ("csv:Text - txt - csv (StarCalc):44,34,76", "s.ods")):
        subprocess.run(
            [office, "--headless", "--infilter=CSV:44,34,76", "--convert-to", kind, str(source)],
            cwd=tmp_path, check=True, capture_output=True, timeout=180,
        )  # fmt: skip
    assert not any(row.caption_changed for row in read_sheet(path))


def test_an_edit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_sheet(path, [card("a cat")])
    path.write_text(path.read_text().replace("a cat,", "a dog,", 1))
    (row,) = read_sheet(path)
    assert (row.caption, row.caption_changed, row.review_changed) == ("a dog", True, False)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("x.csv", "a,b\n1,2\n", "lacks caption"), ("x.jsonl", "{", "line 1 is no JSON"),
     ("x.jsonl", "[]", "line 1 is no row"), ("x.jsonl", "{}", "no sheet of")],
)  # fmt: skip
def test_what_is_no_sheet(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=words):
        list(read_sheet(tmp_path / name))


def test_marks() -> None:
    assert mark_of("a\r\nb ", None) == mark_of("a\nb", "")
    assert mark_of("a", None) != mark_of("a", "accepted")
