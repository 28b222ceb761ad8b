"""Scan of one folder: a line of text for each file, made with one stat.

The line is both what a digest sums and what an image is read from, so that a file that was seen
before costs no object of its own.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from xxhash import xxh3_128_intdigest

from pipeline.sources.base import stamp_of
from pipeline.sources.folder_rules import FolderRules
from pipeline.system.workspace import OWN_FILES

SORTED_AT_ONCE = 50_000
"""Larger folders are not held in memory: they are read again and sorted in parts of this size."""

_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_Parts = Iterator[tuple[list[str], list[str]]]


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
        """Lines of files, and folders, as the system lists them, at most SORTED_AT_ONCE of both at
        once.

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

    def _parts_of(self, entries: Iterable[os.DirEntry[str]]) -> _Parts:
        lines: list[str] = []
        folders: list[str] = []
        left_out: Counter[str] = Counter()
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
                    continue
                folders.append(name)
            elif (excludes or name in own) and (reason := rules.file_reason(path, below, name)):
                left_out[reason] += 1
                continue
            else:
                try:
                    now = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # gone since it was listed
                    continue
                except OSError:
                    lines.append(_unstamped(name, "(unreadable)"))
                    continue
                lines.append(
                    f"{name}\0{now.st_size}\0{now.st_mtime_ns}\0{now.st_ino}\0{now.st_ctime_ns}\0"
                    if with_ctime and is_regular(now.st_mode)
                    else self._line(name, now)
                )
            if len(lines) + len(folders) >= SORTED_AT_ONCE:
                yield lines, folders
                lines, folders = [], []
        self.left_out = left_out
        yield lines, folders

    def _line(self, name: str, status: os.stat_result) -> str:
        """Line of a file without its time of change, of a link, or of what is no file."""
        reason = ""
        if not stat.S_ISREG(status.st_mode):
            named, reason = self._rules.unusual(self.path, name, status.st_mode)
            if named is None:
                return _unstamped(name, reason)
            status = named
        changed = stamp_of(status, self._rules.options.stamp)
        stamps = f"{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
        return f"{name}\0{stamps}\0{'' if changed is None else changed}\0{reason}"


class ScannedFile(NamedTuple):
    """File as its line says; `reason` is "" for one that is listed, else it is only counted."""

    name: str
    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int | None
    reason: str

    @classmethod
    def of(cls, line: str) -> ScannedFile:
        """File of a line."""
        name, size, mtime_ns, inode, ctime_ns, reason = line.split("\0")
        changed = int(ctime_ns) if ctime_ns else None
        return cls(name, int(size), int(mtime_ns), int(inode), changed, reason)


def listed_names(lines: Iterable[str]) -> Iterator[str]:
    """Names of the files that are not only counted."""
    return (line.partition("\0")[0] for line in lines if line.endswith("\0"))


def sum_of(lines: Iterable[str]) -> int:
    """Sum of the lines' checksums: it does not depend on the order in which a system lists."""
    return sum(map(xxh3_128_intdigest, [line.encode("utf-8", "surrogateescape") for line in lines]))


def _unstamped(name: str, reason: str) -> str:
    return f"{name}\x000\x000\x000\0\0{reason}"
