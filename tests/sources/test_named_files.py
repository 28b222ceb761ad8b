from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pipeline.sources import SourceOptions
from pipeline.sources.named_files import NamedFiles
from tests.sources.test_other_names import nfd, touch


def test_a_name_of_another_system_keeps_its_text_and_opens(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFC", "im/Übung.jpg")
    touch(tmp_path, nfd(name))
    files = NamedFiles(str(tmp_path), SourceOptions())
    entry = files.entry(name, {}, "line 2")
    assert (entry.name, entry.problem) == (name, None)
    assert Path(entry.location).exists()
    assert files.sentences() == [
        "no such file by its bytes, but one with the same letters, as another system writes them: "
        f"line 2 means {nfd(name)}"
    ]


def test_a_reason_says_what_is_there_instead(tmp_path: Path) -> None:
    touch(tmp_path, "A.JPG", "a.Jpg")
    entry = NamedFiles(str(tmp_path), SourceOptions()).entry("a.jpg", {}, "line 2")
    assert entry.problem == "missing_file"
    assert entry.detail == "line 2: there is no such file; A.JPG and a.Jpg are there"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_name_of_another_system_stays_inside(tmp_path: Path, allowed: bool) -> None:
    touch(tmp_path, "base/x", "secret.jpg", "É.jpg")
    files = NamedFiles(str(tmp_path / "base"), SourceOptions(allow_outside=allowed))
    for text in ("..\\secret.jpg", "im\\..\\..\\secret.jpg"):
        assert files.entry(text, {}, "line 2").problem == (None if allowed else "outside_root")
    assert ("SECRET" in files.entry("../SECRET.JPG", {}, "line 2").detail) is False


def test_a_name_that_is_too_long_decomposed(tmp_path: Path) -> None:
    touch(tmp_path, "é" * 125 + ".jpg")
    entry = NamedFiles(str(tmp_path), SourceOptions()).entry(nfd("é" * 125 + ".jpg"), {}, 2)
    assert entry.problem is None
