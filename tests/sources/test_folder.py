from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, folder_scan
from pipeline.sources import folder as folder_module
from pipeline.sources.base import to_path
from pipeline.sources.folder import FolderSource
from tests.sources.contract import JPEG, SourceContract, all_entries, digests


def opened(root: Path, **options: object) -> FolderSource:
    return FolderSource(root, SourceOptions(**options))  # type: ignore[arg-type]


def paths(source: Source) -> list[str]:
    return [f"{e.folder}/{e.name}" if e.folder else e.name for e in all_entries(source)]


def skipped(source: Source) -> dict[str, int]:
    total: dict[str, int] = {}
    for listing in source.listings():
        for _ in listing.entries():
            pass
        for word, count in listing.skipped.items():
            total[word] = total.get(word, 0) + count
    return total


class TestFolderSource(SourceContract):
    def make(self, root: Path) -> Source:
        for name in ("b/2.jpg", "b/1.png", "a/deep/er/x.webp", "z.jpg", "notes.txt", ".hidden.jpg"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(JPEG if name != "notes.txt" else b"words")
        return opened(root)

    def image(self, root: Path) -> Path:
        return root / "z.jpg"

    def test_sorted_parents_first(self, source: Source) -> None:
        assert [listing.folder for listing in source.listings()] == [
            "", "a", "a/deep", "a/deep/er", "b",
        ]  # fmt: skip
        assert paths(source) == ["z.jpg", "a/deep/er/x.webp", "b/1.png", "b/2.jpg"]

    def test_skipped_are_counted(self, source: Source) -> None:
        assert skipped(source) == {".txt": 1, "(hidden)": 1}


def test_content_is_sniffed_where_the_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(JPEG)
    (tmp_path / "photo.data").write_bytes(JPEG)
    (tmp_path / "words.jpg").write_bytes(b"words")  # listed; the preparation says what it is
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "a.json").write_bytes(b"{}")
    assert paths(opened(tmp_path)) == ["empty.png", "photo", "photo.data", "words.jpg"]
    assert skipped(opened(tmp_path)) == {".json": 1}


def test_extensions_when_given_are_all_that_counts(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", "c"):
        (tmp_path / name).write_bytes(JPEG)
    assert paths(opened(tmp_path, extensions=(".png",))) == ["b.png"]
    assert digests(opened(tmp_path, extensions=(".png",))) != digests(opened(tmp_path))


def test_nothing_is_opened_for_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo").write_bytes(JPEG)
    opened_files: list[str] = []
    monkeypatch.setattr(folder_module, "is_image_file", opened_files.append)
    listing = next(opened(tmp_path).listings())
    assert opened_files == []
    assert list(listing.entries()) == []
    assert len(opened_files) == 1


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "root-not").mkdir()
    (tmp_path / "root-not" / "secret.jpg").write_bytes(JPEG)
    (root / "real.jpg").write_bytes(JPEG)
    (root / "sub" / "inside.jpg").symlink_to("../real.jpg")
    (root / "outside.jpg").symlink_to(tmp_path / "root-not" / "secret.jpg")
    (root / "gone.jpg").symlink_to("nowhere.jpg")
    (root / "self.jpg").symlink_to("self.jpg")
    (root / "loop").symlink_to(root)
    (root / "etc").symlink_to("/etc")
    return root


def test_links_are_followed_inside_only(linked: Path) -> None:
    source = opened(linked)
    assert paths(source) == ["real.jpg", "sub/inside.jpg"]
    assert skipped(source) == {
        "(link out of the folder)": 1,
        "(broken link)": 2,
        "(link to a folder)": 2,
    }


def test_links_may_be_followed_never_or_anywhere(linked: Path) -> None:
    assert paths(opened(linked, follow_links="never")) == ["real.jpg"]
    assert paths(opened(linked, follow_links="anywhere")) == [
        "outside.jpg",
        "real.jpg",
        "sub/inside.jpg",
    ]


def test_a_link_that_now_leads_elsewhere_changes_the_digest(linked: Path) -> None:
    before = digests(opened(linked))
    (linked / "sub" / "inside.jpg").unlink()
    (linked / "sub" / "inside.jpg").symlink_to("../outside.jpg")
    after = digests(opened(linked))
    assert after["sub"] != before["sub"]
    assert after[""] == before[""]


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "pipe-link.jpg").symlink_to("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{folder}/sock.jpg")
        finally:
            os.close(folder)
        assert paths(opened(tmp_path)) == []
        assert skipped(opened(tmp_path)) == {"(not a file)": 3}


def test_odd_names(tmp_path: Path) -> None:
    raw_root = os.fsencode(tmp_path)
    names = [
        b"caf\xe9.jpg", b"new\nline.jpg", b"x" * 251 + b".jpg", b"\\xe9.jpg", b"\x1b[31m.jpg",
        "ünï 🐈.jpg".encode(), b"a,b\"'.jpg", b"-rf.jpg",
    ]  # fmt: skip
    os.mkdir(raw_root + b"/d\xff")  # noqa: PTH102 (a Path takes no bytes)
    for name in names:
        for folder in (b"/", b"/d\xff/"):
            with open(raw_root + folder + name, "wb") as handle:  # noqa: PTH123
                handle.write(JPEG)
    source = opened(tmp_path)
    entries = all_entries(source)
    assert {entry.folder for entry in entries} == {"", "d\\xff"}
    assert sorted(os.fsencode(to_path(e.name)) for e in entries) == sorted(names * 2)
    for entry in entries:
        with open(source.path_of(entry.folder, entry.name), "rb") as handle:  # noqa: PTH123
            assert handle.read() == JPEG
        assert to_path(entry.location) == source.path_of(entry.folder, entry.name)


def test_a_folder_that_cannot_be_read_is_a_problem_and_the_crawl_goes_on(tmp_path: Path) -> None:
    """A path longer than the system takes; file modes would not stop root."""
    for name in ("a.jpg", "z/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    source = opened(tmp_path)
    assert paths(source) == ["a.jpg", "z/b.jpg"]
    assert not source.complete
    assert len(source.problems) == 1
    assert "File name too long" in source.problems[0]


def test_five_hundred_levels(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("d" for _ in range(500))
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(JPEG)
    source = opened(tmp_path)
    assert [entry.folder.count("/") for entry in all_entries(source)] == [499]
    assert source.complete


def test_large_folders_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        (tmp_path / f"{number:02}.jpg").write_bytes(JPEG)
        (tmp_path / f"d{number:02}").mkdir()
        (tmp_path / f"d{number:02}" / "a.jpg").write_bytes(JPEG)
    whole = opened(tmp_path)
    names, before = sorted(paths(whole)), digests(whole)
    for module in (folder_module, folder_scan):
        monkeypatch.setattr(module, "SORTED_AT_ONCE", 7)
    in_parts = opened(tmp_path)
    assert sorted(paths(in_parts)) == names
    assert len(names) == 50
    assert digests(in_parts) == before


def test_a_folder_that_vanishes_between_its_passes(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.jpg").write_bytes(JPEG)
    source = opened(tmp_path)
    listings = list(source.listings())
    (tmp_path / "d").rename(tmp_path / "e")
    assert [listing.folder for listing in listings] == ["", "d"]
    assert list(listings[1].entries()) == []
    assert not source.complete


def test_a_folder_that_cannot_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    listings = list(opened(tmp_path).listings())

    def broken(path: str) -> None:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr("pipeline.sources.folder.os.scandir", broken)
    with pytest.raises(UsageError, match="Input/output error"):
        list(listings[0].entries())


def test_a_folder_that_vanishes_during_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    source = opened(tmp_path)
    seen = []
    for listing in source.listings():
        seen.append(listing.folder)
        if listing.folder == "":
            (tmp_path / "a").rmdir()
    assert seen == ["", "b"]
    assert not source.complete


def test_a_hidden_folder_is_not_entered_and_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    before = digests(opened(tmp_path))
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / ".thumbs" / "a.jpg").write_bytes(JPEG)
    assert paths(opened(tmp_path)) == ["a.jpg"]
    assert digests(opened(tmp_path)) != before  # or the count of skipped names would be old


def test_a_crawl_holds_no_listing_back(tmp_path: Path) -> None:
    """Memory is constant: what was listed is let go of."""
    import gc
    import weakref

    for number in range(20):
        (tmp_path / f"{number:02}").mkdir()
    alive: list[weakref.ref[object]] = []
    for listing in opened(tmp_path).listings():
        alive.append(weakref.ref(listing))
    del listing
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_the_stamp_mtime_does_not_see_a_hard_link(tmp_path: Path) -> None:
    (tmp_path / "imgs").mkdir()
    image = tmp_path / "imgs" / "a.jpg"
    image.write_bytes(JPEG)

    def both() -> list[dict[str, bytes]]:
        return [digests(opened(image.parent, stamp=stamp)) for stamp in ("ctime", "mtime")]

    before = both()
    changed = image.stat().st_ctime_ns
    while image.stat().st_ctime_ns == changed:
        (tmp_path / "backup.jpg").unlink(missing_ok=True)
        (tmp_path / "backup.jpg").hardlink_to(image)
    assert [old == new for old, new in zip(before, both(), strict=True)] == [False, True]
    assert all_entries(opened(tmp_path / "imgs", stamp="mtime"))[0].ctime_ns is None


@pytest.mark.parametrize(
    "folder",
    ["@eaDir/a.jpg", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "__MACOSX", "lost+found",
     "System Volume Information", "@Recycle", "RECYCLER"],
)  # fmt: skip
def test_system_folders_are_left_out_and_counted(tmp_path: Path, folder: str) -> None:
    for path in (tmp_path / "a.jpg", tmp_path / "sub" / folder / "b.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    assert paths(opened(tmp_path)) == ["a.jpg"]
    assert skipped(opened(tmp_path)) == {"(system folder)": 1}
    named = tmp_path / "sub" / folder  # whoever names such a folder means it
    assert paths(opened(named)) == ["b.jpg"]


@pytest.mark.parametrize("mark", ["ledger.db", "workspace.json"])
def test_the_folders_of_a_workspace_are_never_images(tmp_path: Path, mark: str) -> None:
    for name in ("ws/urls/3f/3fa", "ws/raw/b.jpg", "ws/c.jpg", "raw/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    before = digests(opened(tmp_path))
    assert len(paths(opened(tmp_path))) == 4
    for name in (mark, "lock"):
        (tmp_path / "ws" / name).write_bytes(b"")
    assert paths(opened(tmp_path)) == ["raw/d.jpg", "ws/c.jpg"]
    (tmp_path / "ws/captions.parquet").write_bytes(b"PAR1")
    assert skipped(opened(tmp_path)) == {"(workspace)": 5}  # and its own files
    assert digests(opened(tmp_path))["ws"] != before["ws"]
    assert paths(opened(tmp_path / "ws")) == ["c.jpg"]
