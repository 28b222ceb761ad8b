"""Protocol of a source, and how names become text.

Names on disk are bytes; the ledger and the table hold text. Every `folder`, `name`, `location`
and `locator` is *stored text*: `to_text(path)`, which differs from the path only where a byte is
not UTF-8 ("\\xNN" stands for that byte; a backslash that would read as such an escape is written
"\\x5c"). `to_path(text)` is its inverse and gives what `open` takes.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pipeline.records import Rejection, SourceFile
from pipeline.sources.exclusion import Exclusion
from pipeline.sources.table_text import EarlierReading
from pipeline.storage.settings import StorageSettings

Stamp = Literal["ctime", "mtime"]
FollowLinks = Literal["inside", "never", "anywhere"]

SIDECAR_COLUMN = "sidecar"
"""Column of the texts beside images."""

_BYTES = 32
_MODULUS = 1 << (8 * _BYTES)
_ENOUGH_PROBLEMS = 100
_LONGEST_NAME = 4096  # as many characters as a path may have; a longer one is never a file
_ESCAPES = re.compile(r"\\x([89a-f][0-9a-f]|5c)")
_NEEDS_ESCAPE = re.compile(r"[\udc80-\udcff]|\\(?=x(?:[89a-f][0-9a-f]|5c))")


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Rules of a crawl.

    Attributes:
        follow_links: which links to files are followed; links to folders never are.
        extensions: lower-case, with the dot; when given, only these are taken and nothing
            is sniffed.
        path_column: the manifest's column of paths; None finds it by name.
        stream: name of a manifest that comes through a pipe.
        base: folder that the relative paths of such a manifest count from; None for a manifest that
            lies somewhere, whose paths count from its own.
        origin: address in object storage that a manifest was copied from, "" for none; its paths
            count from its own prefix there.
        encoding: a manifest's, as a Python codec; None finds out.
        earlier: how earlier runs read the manifest.
        allow_outside: a manifest may name files outside of its own folder.
        exclude: patterns of paths that are left out, as `.gitignore` has them.
        templates: prompts, whose names of metadata become columns.
        stamp: "ctime" sees a file replaced with the same size and time; "mtime" is for disks where
            the time of change moves without one, e.g. by hard links of a backup.
        sidecars: the text beside each image of a folder becomes its column `sidecar`.
        url_cache: where images at URLs were downloaded to; without it they are refused.
        url_passthrough: gives the address that is sent instead of an image, or the reason why
            not; no download is opened then. Its `repr` names its rules.
        storage: how object storage is reached.
    """

    follow_links: FollowLinks = "inside"
    extensions: tuple[str, ...] = ()
    path_column: str | None = None
    stream: str = field(default="stdin", repr=False)
    base: Path | None = field(default=None, repr=False)
    origin: str = field(default="", repr=False)
    encoding: str | None = None
    earlier: EarlierReading = field(default=EarlierReading(), repr=False)
    allow_outside: bool = False
    exclude: tuple[str, ...] = field(default=(), repr=False)
    templates: tuple[str, ...] = field(default=(), repr=False)
    sidecars: bool = False
    stamp: Stamp = "ctime"
    url_cache: Path | None = None
    url_passthrough: Callable[[str], str | Rejection] | None = None
    storage: StorageSettings = field(default_factory=StorageSettings, repr=False)


class SourceListing(Protocol):
    """One folder of a source, or one whole manifest.

    `digest` (32 bytes) is a function of everything that `entries` depends on, taken before the
    first entry: when it equals the digest of an earlier, completed pass, `entries` would give
    the same again and need not be called. `skipped` is complete once `entries` was exhausted.
    """

    @property
    def folder(self) -> str:
        """POSIX path below the root as stored text, "" for the root and for a manifest."""
        ...

    @property
    def digest(self) -> bytes:
        """Digest of 32 bytes; equal digests mean equal entries."""
        ...

    @property
    def skipped(self) -> Counter[str]:
        """Files that are no images: counted by suffix, or by a reason in parentheses."""
        ...

    def entries(self) -> Iterator[SourceFile]:
        """Images, streamed, in order; may be called again."""
        ...


class Source(Protocol):
    """Place that lists images.

    Attributes:
        kind: its word in the registry.
        locator: absolute, resolved path as stored text; identifies the source in the ledger.
        label: short name for reports and tables, never an absolute path.
        columns: a manifest's other columns in order, () for a folder.
        problems: plain sentences about what could not be read, bounded.
        complete: False after a folder could not be read: what was not listed is not gone.
    """

    kind: str
    locator: str
    label: str
    columns: tuple[str, ...]
    problems: Problems
    complete: bool

    def listings(self) -> Iterator[SourceListing]:
        """Yield all listings, sorted, one at a time; constant memory."""
        ...

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry, or the address of one that is stored elsewhere."""
        ...


@runtime_checkable
class ComparesFiles(Protocol):
    """Listing of files that makes no entries for those that are as they were."""

    @property
    def is_comparable(self) -> bool:
        """Tell whether the files that were listed are in memory."""
        ...

    def key_of(
        self, name: str, size: int, mtime_ns: int, inode: int, ctime_ns: int | None
    ) -> Hashable | None:
        """Value that stands for an image of this name and stamp; None for one that must be listed.

        `name`: as stored text.
        """
        ...

    def entries_but(self, recorded: dict[Hashable, int]) -> Iterator[SourceFile]:
        """Images as `entries` gives them, without those whose key is in `recorded`; these keys are
        removed from there."""
        ...


@runtime_checkable
class DecodesText(Protocol):
    """Source that is a text: its encoding is noted for later runs."""

    encoding: str


@runtime_checkable
class LeavesOut(Protocol):
    """Source that may leave images out by rules; known ones are gone then, and never lost."""

    exclusion: Exclusion


@runtime_checkable
class NamesUrls(Protocol):
    """Source whose images may be at URLs."""

    def urls(self) -> Iterator[str]:
        """Every URL it names, in order, those that come again too; constant memory."""
        ...


class Problems(list[str]):
    """Sentences for a person; after a hundred only their number grows."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0

    def add(self, sentence: str) -> None:
        """Append `sentence`, or count it after a hundred."""
        if len(self) < _ENOUGH_PROBLEMS:
            self.append(sentence)
        else:
            self.dropped += 1


def to_text(path: str) -> str:
    """Stored text of a file system path."""
    if path.isascii() and "\\" not in path:
        return path
    return _NEEDS_ESCAPE.sub(
        lambda match: "\\x5c" if match[0] == "\\" else f"\\x{ord(match[0]) - 0xDC00:02x}", path
    )


def to_path(text: str) -> str:
    """File system path that `text` stands for."""
    if "\\" not in text:
        return text
    return _ESCAPES.sub(
        lambda match: "\\" if match[1] == "5c" else chr(0xDC00 + int(match[1], 16)), text
    )


def problem_entry(
    name: str, problem: str, detail: str, columns: dict[str, str] | None = None
) -> SourceFile:
    """Entry of a row that names no image; what is far too long for a name is cut."""
    if len(name) > _LONGEST_NAME:
        name = name[:_LONGEST_NAME] + "…"
    return SourceFile("", name, "", columns=columns or {}, problem=problem, detail=detail)


def stat_token(name: str, size: int, mtime_ns: int, inode: int, ctime_ns: int | None = None) -> int:
    """One file's share of a digest (about 0.7 us): shares of a folder are added up."""
    text = f"{name}\0{size}\0{mtime_ns}\0{inode}\0{ctime_ns}"
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_BYTES).digest(),
        "little",
    )


def stamp_of(status: os.stat_result, stamp: Stamp) -> int | None:
    """Time of the last change of a file or of its metadata, None where it does not count."""
    return status.st_ctime_ns if stamp == "ctime" else None


def closed_digest(total: int, *facts: object) -> bytes:
    """Digest from the sum of all tokens and whatever else the entries depend on.

    A sum does not depend on the order in which the operating system lists a folder.
    """
    text = repr(facts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(
        (total % _MODULUS).to_bytes(_BYTES, "little") + text, digest_size=_BYTES
    ).digest()


def entry_digest(entries: Iterable[SourceFile]) -> bytes:
    """Digest of entries as they are, whatever their order: for sources without a short cut."""
    total = 0
    for entry in entries:
        columns = None if entry.columns is None else sorted(entry.columns.items())
        name = repr((entry.folder, entry.name, entry.occurrence, columns, entry.problem))
        name += entry.stamp
        total += stat_token(name, entry.size, entry.mtime_ns, entry.inode, entry.ctime_ns)
    return closed_digest(total)
