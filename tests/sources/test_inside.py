from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.core.skipped_files import EXCLUDED
from pipeline.records import SourceFile
from pipeline.sources import Source, SourceOptions
from pipeline.sources.tar_file import TarSource
from pipeline.sources.zip_file import ZipSource
from tests.sources.contract import JPEG, all_entries
from tests.sources.test_tar_file import tarred
from tests.storage.containers.zips import packed, patched


def listed(source: Source) -> tuple[dict[str, SourceFile], dict[str, int]]:
    (listing,) = source.listings()
    entries = {entry.name: entry for entry in listing.entries()}
    return entries, dict(listing.skipped)


def test_names_that_lead_out_of_the_archive_are_rows(tmp_path: Path) -> None:
    names = [
        "/etc/a.jpg", "../a.jpg", "b/../../a.jpg", "b/..", "\\a.jpg", "b\\..\\a.jpg", "C:\\a.jpg",
        "c:a.jpg",
    ]  # fmt: skip
    path = tarred(tmp_path / "a.tar", dict.fromkeys([*names, "a..b/c.jpg", "d.jpg"], JPEG))
    entries, _ = listed(TarSource(path, SourceOptions()))
    refused = [name for name, entry in entries.items() if entry.problem]
    assert refused == names
    assert {entries[name].problem for name in names} == {"bad_path"}
    assert "leads out of the archive" in entries["../a.jpg"].detail


def test_names_that_are_none_are_rows(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"aXb.jpg": JPEG, "Y" * 5000 + ".jpg": JPEG})
    path.write_bytes(path.read_bytes().replace(b"aXb", b"a\0b"))
    entries, _ = listed(ZipSource(path, SourceOptions()))
    assert [(entry.problem, len(name)) for name, entry in entries.items()] == [
        ("bad_path", 7), ("bad_path", 4097),
    ]  # fmt: skip


def test_what_is_hidden_or_made_by_machines_is_left_out_as_in_a_folder(tmp_path: Path) -> None:
    names = ["._a.jpg", ".git/a.jpg", "__MACOSX/a.jpg", "b/Thumbs.jpg", "@eaDir/a.jpg"]
    path = packed(tmp_path / "a.zip", dict.fromkeys(names, JPEG))
    entries, skipped = listed(ZipSource(path, SourceOptions()))
    assert (list(entries), skipped) == (["b/Thumbs.jpg"], {"(hidden)": 2, "(system folder)": 2})


def test_of_a_name_that_comes_again_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", JPEG)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.jpg", JPEG + b"new")
    entries, skipped = listed(ZipSource(path, SourceOptions()))
    assert [entry.size for entry in entries.values()] == [len(JPEG) + 3]
    assert skipped == {"(replaced by a later member)": 1}


def test_devices_are_not_files_and_archives_inside_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("a.jpg", tarfile.CHRTYPE), ("b.jpg", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            tar.addfile(info)
        data = packed(tmp_path / "b.zip", {"a.jpg": JPEG}).read_bytes()
        info = tarfile.TarInfo("inner.zip")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    assert listed(TarSource(path, SourceOptions())) == ({}, {"(not a file)": 2, ".zip": 1})


def test_only_the_suffixes_that_were_named_are_taken(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": JPEG, "b.png": JPEG, "c": JPEG})
    entries, skipped = listed(ZipSource(path, SourceOptions(extensions=(".png",))))
    assert (list(entries), skipped) == (["b.png"], {".jpg": 1, "(no suffix)": 1})


def test_what_cannot_be_read_is_a_row_where_its_name_is_an_images(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": JPEG, "b": JPEG})
    patched(path, 10, "<H", 9)
    entries, skipped = listed(ZipSource(path, SourceOptions()))
    assert [entry.problem for entry in entries.values()] == ["unknown_compression"]
    assert skipped == {"(no suffix)": 1}


def test_an_archive_that_goes_away_meanwhile_is_no_deletion(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": JPEG})
    source = ZipSource(path, SourceOptions())
    path.unlink()
    assert all_entries(source) == []
    assert (source.complete, len(source.problems)) == (False, 1)


def test_entries_carry_the_stamp_of_their_archive(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": JPEG})
    status = path.stat()
    (entry,) = all_entries(ZipSource(path, SourceOptions()))
    assert (entry.mtime_ns, entry.inode, entry.ctime_ns) == (
        status.st_mtime_ns, status.st_ino, status.st_ctime_ns,
    )  # fmt: skip
    (entry,) = all_entries(ZipSource(path, SourceOptions(stamp="mtime")))
    assert entry.ctime_ns is None


def test_what_is_excluded_is_left_out_and_counted(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"drafts/a.jpg": JPEG, "b_small.jpg": JPEG, "c.jpg": JPEG})
    source = ZipSource(path, SourceOptions(exclude=("drafts/", "*_small.jpg")))
    entries, skipped = listed(source)
    assert (list(entries), skipped) == (["c.jpg"], {EXCLUDED: 2})
    other = ZipSource(path, SourceOptions(exclude=("drafts/",)))
    assert len({listing.digest for one in (source, other) for listing in one.listings()}) == 2
