from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pipeline.sources.other_names import OtherNames


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("name", ["Übung/é.jpg", "한국어/각.jpg", "ﬁ/Ω.jpg"])
def test_composed_and_decomposed_letters_are_the_same(tmp_path: Path, name: str) -> None:
    touch(tmp_path, nfd(name))
    composed = unicodedata.normalize("NFC", name)
    assert OtherNames().find(f"{tmp_path}/{composed}") == str(tmp_path / nfd(name))


def test_backslashes_are_slashes_where_no_name_has_them(tmp_path: Path) -> None:
    touch(tmp_path, "im/sub/a.jpg")
    assert OtherNames().find(f"{tmp_path}/im\\sub\\a.jpg") == str(tmp_path / "im/sub/a.jpg")
    assert OtherNames().find(f"{tmp_path}/im\\..\\b.jpg") is None


def test_two_files_with_the_same_letters_are_none(tmp_path: Path) -> None:
    touch(tmp_path, "é1/a.jpg", nfd("é1/") + "b.jpg")
    assert OtherNames().find(f"{tmp_path}/é1/b.jpg") == f"{tmp_path}/{nfd('é1')}/b.jpg"
    touch(tmp_path, "ö\u0323.jpg", "o\u0323\u0308.jpg")
    assert OtherNames().find(f"{tmp_path}/ọ\u0308.jpg") is None


def test_other_case_is_shown_and_not_taken(tmp_path: Path) -> None:
    touch(tmp_path, "IM/Photo.JPG")
    assert OtherNames().find(f"{tmp_path}/im/photo.jpg") is None
    assert OtherNames().alike(f"{tmp_path}/im/photo.jpg") == [str(tmp_path / "IM/Photo.JPG")]
    assert OtherNames().alike(f"{tmp_path}/im/other.jpg") == []
