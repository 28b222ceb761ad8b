"""Scan of one folder: a plain tuple for each file, made with one stat.

The tuple is what a digest sums, what a recorded file is compared with and what an image is read
from. A text of the same would take nine times as long to make, a tuple with names five times.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from msgspec.msgpack import Encoder
from xxhash import xxh3_128_intdigest

from pipeline.sources.base import stamp_of
from pipeline.sources.folder_rules import FolderRules
from pipeline.system.workspace import OWN_FILES

SORTED_AT_ONCE = 50_000
"""Larger folders are not held in memory: they are read again and sorted in parts of this size."""

Scanned = tuple[str, int, int, int, int | None, str]
"""Values of a `ScannedFile`."""

_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_Parts = Iterator[tuple[list[Scanned], list[str]]]
_pack = Encoder().encode


class FolderScan:
    """Scan of the folder `below` the root, "" for the root itself; may be made again.

    Attributes:
        path: raw path of the folder.
        left_out: what is only counted, by its reason, after `parts` was exhausted.
    """

    def __init__(self, rules: FolderRules, below: str) -> None:
        self.path = os.path.join(rules.root, below) if below else rules.root  # noqa: PTH118
        self.left_out: Counter[str] = Counter()
        self._rules, self._below = rules, below

    def parts(self) -> _Parts:
        """Files, and folders, as the system lists them, at most SORTED_AT_ONCE of both at once;
        nothing for an empty folder.

        Raises:
            OSError: the folder cannot be read to its end.
        """
        # by its descriptor: for each file the system would walk the whole path again
        folder = os.open(self.path, _READ)
        try:
            with os.scandir(folder) as entries:
                yield from self._parts_of(entries)
        finally:
            os.close(folder)

    def path_of(self, name: str) -> str:
        """Path below the root of something in the folder."""
        return f"{self._below}/{name}" if self._below else name

    def _parts_of(self, entries: Iterator[os.DirEntry[str]]) -> _Parts:
        left_out: Counter[str] = Counter()
        for first in entries:
            yield self._part(chain((first,), islice(entries, SORTED_AT_ONCE - 1)), left_out)
        self.left_out = left_out

    def _part(
        self, entries: Iterable[os.DirEntry[str]], left_out: Counter[str]
    ) -> tuple[list[Scanned], list[str]]:
        files: list[Scanned] = []
        folders: list[str] = []
        is_regular, own = stat.S_ISREG, OWN_FILES
        rules, path, below = self._rules, self.path, self._below
        excludes, with_ctime = bool(rules.exclusion), rules.options.stamp == "ctime"
        for entry in entries:  # a microsecond here is a second of a run over a million files
            name = entry.name
            if name[0] == ".":
                left_out["(hidden)"] += 1
                continue
            if entry.is_dir(follow_symlinks=False):
                if reason := rules.folder_reason(path, below, name):
                    left_out[reason] += 1
                else:
                    folders.append(name)
                continue
            if (excludes or name in own) and (reason := rules.file_reason(path, below, name)):
                left_out[reason] += 1
                continue
            try:
                now = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since it was listed
                continue
            except OSError:
                files.append(_unstamped(name, "(unreadable)"))
                continue
            files.append(
                (name, now.st_size, now.st_mtime_ns, now.st_ino, now.st_ctime_ns, "")
                if with_ctime and is_regular(now.st_mode)
                else self._scanned(name, now)
            )
        return files, folders

    def _scanned(self, name: str, status: os.stat_result) -> Scanned:
        """Values of a file without its time of change, of a link, or of what is no file."""
        reason = ""
        if not stat.S_ISREG(status.st_mode):
            named, reason = self._rules.unusual(self.path, name, status.st_mode)
            if named is None:
                return _unstamped(name, reason)
            status = named
        changed = stamp_of(status, self._rules.options.stamp)
        return name, status.st_size, status.st_mtime_ns, status.st_ino, changed, reason


class ScannedFile(NamedTuple):
    """File as it was scanned; `reason` is "" for one that is listed, else it is only counted."""

    name: str
    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int | None
    reason: str


def listed_names(files: Iterable[Scanned]) -> Iterator[str]:
    """Names of the files that are not only counted."""
    return (file[0] for file in files if not file[-1])


def sum_of(files: Sequence[Scanned]) -> int:
    """Sum of the files' checksums: it does not depend on the order in which a system lists."""
    try:
        return sum(map(xxh3_128_intdigest, map(_pack, files)))
    except (UnicodeEncodeError, OverflowError):
        return sum(map(xxh3_128_intdigest, map(_odd_bytes, files)))


def _odd_bytes(file: Scanned) -> bytes:
    """Bytes of a file, one among them whose name is not UTF-8 or whose time is beyond 64 bits."""
    try:
        return _pack(file)
    except (UnicodeEncodeError, OverflowError):
        return repr(file).encode()


def _unstamped(name: str, reason: str) -> Scanned:
    return name, 0, 0, 0, None, reason
