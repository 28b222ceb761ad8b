from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.sources.zip_file import ZipSource, is_zip_file
from tests.sources.contract import JPEG, SourceContract, all_entries
from tests.storage.containers.places import LONG, MADE


class TestZipSource(SourceContract):
    def make(self, root: Path) -> Source:
        with zipfile.ZipFile(root / "a.zip", "w") as archive:
            archive.writestr("cat.jpg", JPEG)
            archive.writestr("sub/gr\xfcn \\x41!/a.jpg", JPEG + b"2")
            archive.writestr("sub/notes.txt", "a text")
        return ZipSource(root / "a.zip", SourceOptions())

    def image(self, root: Path) -> Path:
        return root / "a.zip"


def test_an_archive_of_info_zip() -> None:
    source = open_source(MADE / "infozip.zip", None)
    assert (source.kind, source.label) == ("zip", "infozip.zip")
    (listing,) = source.listings()
    entries = {entry.name: entry for entry in listing.entries()}
    expected = {"red.jpg", "hard.jpg", "holes.bmp", "sub/grün.jpg", "sub/deep/blue.one.jpg", LONG}
    assert set(entries) == expected
    assert source.columns == ("txt",)
    assert entries["red.jpg"].columns == {"txt": "a red picture"}
    assert entries["hard.jpg"].columns == {"txt": ""}
    assert entries["red.jpg"].location == f"zip://{MADE}/infozip.zip!/red.jpg"
    assert dict(listing.skipped) == {
        ".md": 1, "(link not followed)": 1, ".txt beside an image": 1,
    }  # fmt: skip
    assert (source.complete, source.problems) == (True, [])


def test_an_encrypted_image_is_a_row() -> None:
    (entry,) = all_entries(open_source(MADE / "encrypted.zip", None))
    assert (entry.name, entry.problem) == ("red.jpg", "encrypted")
    assert "unpack it first" in entry.detail


def test_a_zip_is_recognised_by_its_bytes_or_its_name(tmp_path: Path) -> None:
    data = (MADE / "infozip.zip").read_bytes()
    for name, content, is_one in (
        ("a", data, True),
        ("a.cbz", data, True),
        ("a.ZIP", b"MZ program" + data, True),
        ("a.jpg", data, False),
        ("b", b"text", False),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert is_zip_file(path) == is_one, name


def test_a_cut_archive_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes((MADE / "infozip.zip").read_bytes()[:-200])
    with pytest.raises(UsageError, match=r"a\.zip: it has no directory at its end: it was cut off"):
        open_source(tmp_path / "a.zip", None)
