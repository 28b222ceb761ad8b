from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.sources.tar_file import TarSource, is_tar_file
from tests.sources.contract import JPEG, SourceContract, all_entries
from tests.storage.containers.places import LONG, MADE


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    mode = "w:gz" if path.suffix == ".gz" else "w"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


class TestTarSource(SourceContract):
    name = "a.tar"

    def make(self, root: Path) -> Source:
        members = {"cat.jpg": JPEG, "sub/gr\udcfcn.jpg": JPEG + b"2", "sub/cat": JPEG + b"3"}
        return TarSource(tarred(root / self.name, members), SourceOptions())

    def image(self, root: Path) -> Path:
        return root / self.name

    def test_names_that_are_no_text_and_images_without_a_suffix(self, source: Source) -> None:
        names = [entry.name for entry in all_entries(source)]
        assert names == ["cat.jpg", r"sub/gr\xfcn.jpg", "sub/cat"]


class TestGzipTarSource(TestTarSource):
    name = "a.tar.gz"


@pytest.mark.parametrize("name", ["gnu.tar", "pax.tar", "ustar.tar.gz"])
def test_archives_of_gnu_tar(name: str) -> None:
    source = open_source(MADE / name, None)
    assert (source.kind, source.label, source.columns) == ("tar", name, ("txt",))
    (listing,) = source.listings()
    entries = {entry.name: entry for entry in listing.entries()}
    expected = {"red.jpg", "hard.jpg", "holes.bmp", "sub/grün.jpg", "sub/deep/blue.one.jpg", LONG}
    assert set(entries) == expected - ({LONG} if name.startswith("ustar") else set())
    assert entries["red.jpg"].columns == {"txt": "a red picture"}
    assert listing.skipped["(link not followed)"] == 1
    assert (source.complete, source.problems) == (True, [])


def test_a_shard_of_webdataset() -> None:
    source = open_source(MADE / "webdataset.tar", None)
    assert source.columns == ("colour", "rgb", "number", "txt")
    (listing,) = source.listings()
    entries = list(listing.entries())
    assert [entry.name for entry in entries] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert entries[1].columns == {
        "colour": "green", "rgb": "[20, 160, 60]", "number": "1", "txt": "the colour is green",
    }  # fmt: skip
    assert dict(listing.skipped) == {".json beside an image": 3, ".txt beside an image": 3}


def test_a_tar_is_recognised_by_its_bytes_or_its_name(tmp_path: Path) -> None:
    data = (MADE / "gnu.tar").read_bytes()
    for name, content, is_one in (
        ("a", data, True),
        ("a.tar", b"damaged", True),
        ("a.tgz", b"damaged", True),
        ("a.tar.bz2", b"BZh9", True),
        ("a.svgz", b"\x1f\x8b", False),
        ("b", b"text", False),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert is_tar_file(path) == is_one, name


def test_another_compression_is_refused_with_its_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.tar.bz2").write_bytes(b"BZh9" + b"x" * 600)
    with pytest.raises(UsageError, match="bunzip2"):
        open_source(tmp_path / "a.tar.bz2", None)


def test_a_cut_archive_says_so_each_time_and_takes_nothing_for_gone(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", {"a.jpg": JPEG, "b.jpg": JPEG * 30})
    path.write_bytes(path.read_bytes()[:1900])
    source = TarSource(path, SourceOptions())
    (listing,) = source.listings()
    assert [entry.name for entry in listing.entries()] == ["a.jpg", "b.jpg"]
    assert listing.skipped["(damaged from here on)"] == 1
    assert not source.complete
    assert "it was cut off: it ends within 'b.jpg'" in source.problems[0]
