from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.sinks.text_files import TextFiles, file_stem, filled_text, safe_stem
from tests.sinks.rows import exported, place


def test_texts_lie_beside_their_pictures(tmp_path: Path) -> None:
    rows = [exported(1, "a/cat.jpg"), exported(2, "dog.final.jpg"), exported(3, "no suffix")]
    TextFiles().write_part(rows, "train", place(tmp_path))
    names = {str(p.relative_to(tmp_path / "train")) for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {
        *("a/cat.png", "a/cat.txt", "dog.final.png", "dog.final.txt"),
        *("no suffix.png", "no suffix.txt"),
    }
    assert (tmp_path / "train/a/cat.txt").read_text() == "caption 1\n"


def test_names_that_meet_are_kept_apart() -> None:
    one, two = exported(1, "a.jpg", shares_name=True), exported(2, "A.png", shares_name=True)
    assert file_stem(one) == f"a-{one.key[:8]}"
    assert file_stem(two) == f"A-{two.key[:8]}"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/x.jpg", "abs/x"),
        ("..", "image"),
        ("a\\b:c?.jpg", "a_b_c_"),
        ("trailing. .jpg", "trailing"),
        ("\x01.jpg", "_"),
        ("k\u00e4se.jpg", "k\u00e4se"),
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


@given(st.text(min_size=1, max_size=300))
def test_any_path_is_a_name(name: str) -> None:
    stem = safe_stem(name)
    assert stem
    assert not stem.startswith("/")
    assert all(part and part != ".." for part in stem.split("/"))
    assert all(len(part.encode()) <= 200 for part in stem.split("/"))


def test_suffix_template_and_json(tmp_path: Path) -> None:
    values = {"prefix": "ohwx", "tags": ["a", "b"], "none": None}
    row = exported(1, "cat.jpg", values=values, picture=None)
    TextFiles(".caption", "{prefix}, {tags}{none} | {caption}").write_part(
        [row], "train", place(tmp_path)
    )
    assert (tmp_path / "train/cat.caption").read_text() == "ohwx, a, b | caption 1\n"
    TextFiles(".json", as_json=True).write_part([row], "train", place(tmp_path))
    assert json.loads((tmp_path / "train/cat.json").read_text()) == values


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UsageError, match="suffix"):
        TextFiles("txt")
    with pytest.raises(UsageError, match="suffix"):
        TextFiles("./../x")
    with pytest.raises(UsageError, match="template"):
        TextFiles(".txt", "{caption")
    with pytest.raises(UsageError, match="there are caption"):
        filled_text("{nope}", {"caption": "x"})
