"""What every source keeps. A source's tests subclass `SourceContract` and say how to make one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.stored_address import is_stored
from pipeline.records import SourceFile
from pipeline.sources import SOURCES, Source, to_path
from pipeline.storage import Readers, StorageSettings
from pipeline.system.late_names import late_name

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 60


def all_entries(source: Source) -> list[SourceFile]:
    return [entry for listing in source.listings() for entry in listing.entries()]


def digests(source: Source) -> dict[str, bytes]:
    return {listing.folder: listing.digest for listing in source.listings()}


class SourceContract:
    """Subclasses give `make`: a source over at least one image, and `touch`: change one of them."""

    sees_ctime = True
    readers = Readers(StorageSettings())

    def make(self, root: Path) -> Source:
        raise NotImplementedError

    def image(self, root: Path) -> Path:
        """A file that the source of `make` lists."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return self.make(tmp_path)

    def test_is_in_the_registry(self, source: Source) -> None:
        assert late_name(SOURCES[source.kind]) is type(source)

    def test_is_named_by_an_absolute_resolved_path(self, source: Source, tmp_path: Path) -> None:
        assert source.locator.startswith(os.path.realpath(tmp_path))
        assert source.label
        assert "/" not in source.label

    def test_entries_come_again_the_same(self, source: Source) -> None:
        for listing in source.listings():
            first = list(listing.entries())
            skipped = dict(listing.skipped)
            assert list(listing.entries()) == first
            assert dict(listing.skipped) == skipped
        assert first

    def test_entries_are_text_unique_and_lead_to_their_files(self, source: Source) -> None:
        entries = all_entries(source)
        assert len({(e.folder, e.name, e.occurrence) for e in entries}) == len(entries)
        for entry in entries:
            f"{entry.folder}{entry.name}{entry.location}".encode()
            assert not entry.folder.startswith("/")
            if entry.problem is None:
                path = source.path_of(entry.folder, entry.name)
                if is_stored(path):
                    assert path == to_path(entry.location)
                    assert isinstance(self.readers.read(path, entry.stamp, 1 << 20), bytes)
                    continue
                found = Path(path).stat()
                assert (found.st_size, found.st_mtime_ns) == (entry.size, entry.mtime_ns)
                assert entry.inode in (0, found.st_ino)

    def test_digests_stand_still_while_nothing_changes(self, source: Source) -> None:
        before = digests(source)
        all_entries(source)
        assert digests(source) == before
        assert all(len(digest) == 32 for digest in before.values())

    def test_a_changed_file_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        image = self.image(tmp_path)
        image.write_bytes(image.read_bytes() + b"x")
        assert digests(source) != before

    def test_a_touched_file_changes_the_digest(self, source: Source, tmp_path: Path) -> None:
        before = digests(source)
        os.utime(self.image(tmp_path), ns=(1, 1))
        assert digests(source) != before

    def test_a_replaced_file_with_the_same_size_and_time_changes_the_digest(
        self, source: Source, tmp_path: Path
    ) -> None:
        before, image = digests(source), self.image(tmp_path)
        status = image.stat()
        image.write_bytes(image.read_bytes()[::-1])
        while image.stat().st_ctime_ns == status.st_ctime_ns:  # a clock tick of the file system
            image.chmod(0o600)
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (digests(source) != before) == self.sees_ctime

    def test_a_vanished_file_is_no_traceback(self, source: Source, tmp_path: Path) -> None:
        listings = list(source.listings())
        self.image(tmp_path).unlink()
        assert all(entry.name for listing in listings for entry in listing.entries())
        all_entries(source)
