"""Objects of a bucket below a prefix, listed once in the order of their keys.

What stands before a key's last slash is its folder, as on a disk; a folder is complete when the
listing has left it, so folders come after those inside of them. The same names are hidden or left
to machines as in a folder. A key is taken exactly as it is: `a//b`, `..` and blanks are names.

Change stamp: size and ETag, or the time of the last change where there is no ETag. The time alone
makes a digest differ, and no image.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct, field

from pipeline.core.skipped_files import EXCLUDED, TEXT_SUFFIXES
from pipeline.errors import UsageError
from pipeline.imaging.sniff import HEAD_BYTES, IMAGE_SUFFIXES, sniff_head
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    closed_digest,
    stat_token,
    to_path,
    to_text,
)
from pipeline.sources.exclusion import (
    IGNORE_FILE,
    MOST_BYTES,
    Exclusion,
    exclusion_of,
    read_exclusion,
)
from pipeline.sources.folder_rules import SYSTEM_FOLDERS
from pipeline.sources.heads import count_skipped, suffix_of
from pipeline.storage.listing import list_keys
from pipeline.storage.object_key import ObjectKey
from pipeline.storage.objects import ObjectReader
from pipeline.storage.place import Place

HELD_AT_ONCE = 50_000
"""Objects in memory; larger folders are listed again."""

_HEADS_AT_ONCE = 16
_DATA = frozenset(
    {
        *TEXT_SUFFIXES,
        *(".json", ".jsonl", ".csv", ".tsv", ".parquet", ".xml", ".html", ".md", ".log", ".yaml"),
        *(".zip", ".tar", ".gz", ".7z", ".npy", ".npz", ".pt", ".mp4", ".mov", ".mp3", ".wav"),
    }
)
"""Suffixes of what is never asked whether it is an image: each question is a request."""


class _Open(Struct):
    """Folder whose keys are coming: their digest, and themselves while there is room."""

    path: str
    total: int = 0
    objects: list[ObjectKey] | None = field(default_factory=list)

    def add(self, item: ObjectKey) -> None:
        """Take one object."""
        self.total += stat_token(f"{item.key}\0{item.stamp}\0{item.modified}", item.size, 0, 0)
        if self.objects is not None:
            self.objects.append(item)


class BucketListing:
    """One folder of a bucket."""

    def __init__(self, source: BucketSource, ended: _Open) -> None:
        self.folder = to_text(ended.path)
        self.digest = closed_digest(ended.total, source.options, *source.exclusion.facts)
        self.skipped: Counter[str] = Counter()
        self._source, self._path, self._objects = source, ended.path, ended.objects

    def entries(self) -> Iterator[SourceFile]:
        """Folder's images; keys that do not tell by their suffix are looked into.

        Raises:
            UsageError: the bucket cannot be listed again.
        """
        self.skipped = Counter()
        objects: Iterable[ObjectKey] = (
            self._objects if self._objects is not None else self._source.objects_in(self._path)
        )
        with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
            part: list[ObjectKey] = []
            for item in objects:
                part.append(item)
                if len(part) == 1000:
                    yield from self._images(pool, part)
                    part = []
            yield from self._images(pool, part)

    def _images(self, pool: ThreadPoolExecutor, part: list[ObjectKey]) -> Iterator[SourceFile]:
        source = self._source
        reasons = [source.reason(item) for item in part]
        unclear = [
            item.key for item, reason in zip(part, reasons, strict=True) if reason == _UNCLEAR
        ]
        images = set() if not unclear else {
            key
            for key, is_image in zip(unclear, pool.map(source.is_image, unclear), strict=True)
            if is_image
        }  # fmt: skip
        for item, reason in zip(part, reasons, strict=True):
            if reason == "" or item.key in images:
                yield source.entry(item)
            elif reason in (_UNCLEAR, _OTHER):
                count_skipped(self.skipped, suffix_of(item.key.rpartition("/")[2]))
            elif reason != _MARKER:
                self.skipped[reason] += 1


_UNCLEAR, _OTHER, _MARKER = "?", "other", "marker"


def bucket_locator(place: Place) -> str:
    """Locator of the source below a prefix."""
    return to_text(place.root.rstrip("/") + f"/{place.key}".rstrip("/"))


class BucketSource:
    """Images below a prefix of a bucket."""

    kind = "bucket"
    columns: tuple[str, ...] = ()

    def __init__(self, address: str, options: SourceOptions) -> None:
        """Open a place; nothing is asked before `listings`.

        Raises:
            UsageError: the address names no bucket.
        """
        self.options = options
        place = Place.parse(address)
        self._place = Place(place.scheme, place.bucket, place.key.rstrip("/"))
        self._prefix = f"{self._place.key}/" if self._place.key else ""
        self.locator = bucket_locator(place)
        self.label = to_text(self._place.key.rpartition("/")[2] or self._place.bucket)
        self.problems = Problems()
        self.complete = True
        self.exclusion = read_exclusion(options.exclude)
        self._reader = ObjectReader(options.storage)

    def listings(self) -> Iterator[SourceListing]:
        """Every folder below the prefix, those inside before the one around them.

        Raises:
            UsageError: the bucket cannot be listed, or lists its keys in no order; its file of
                patterns cannot be used.
        """
        self.problems, self.complete = Problems(), True
        self.exclusion = self._read_exclusion()
        folders, held, order = [_Open("")], 0, _Order()
        with contextlib.closing(self._keys(self._prefix)) as keys:
            for item in keys:
                order.check(item.key, self._place)
                folder, _ = self._split(item.key)
                while not _is_inside(folder, folders[-1].path):
                    ended = folders.pop()
                    held -= len(ended.objects or ())
                    yield BucketListing(self, ended)
                if folder != folders[-1].path:
                    folders.append(_Open(folder))
                folders[-1].add(item)
                held += folders[-1].objects is not None
                if held > HELD_AT_ONCE:
                    largest = max(folders, key=lambda one: len(one.objects or ()))
                    held -= len(largest.objects or ())
                    largest.objects = None
            for ended in reversed(folders):
                yield BucketListing(self, ended)

    def objects_in(self, folder: str) -> Iterator[ObjectKey]:
        """Objects of one folder, listed again.

        Raises:
            UsageError: the bucket cannot be listed.
        """
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        with contextlib.closing(self._keys(prefix)) as keys:
            yield from (item for item in keys if self._split(item.key)[0] == folder)

    def _keys(self, prefix: str) -> Generator[ObjectKey, None, None]:
        return list_keys(self._place, self.options.storage, prefix)

    def _read_exclusion(self) -> Exclusion:
        """Rules of the configuration, and of the ignore file below the prefix."""
        where = self._place.address(f"{self._prefix}{IGNORE_FILE}")
        ignored = self._reader.read(where, "", MOST_BYTES)
        if isinstance(ignored, Rejection):
            if ignored.code != "vanished":
                raise UsageError(f"cannot read {where}: {ignored.detail}")
            ignored = b""
        return exclusion_of(self.options.exclude, where, ignored)

    def reason(self, item: ObjectKey) -> str:
        """Reason for leaving an object out, "" for an image by its suffix, or that its bytes must
        tell."""
        folder, name = self._split(item.key)
        if not item.size and (not name or not suffix_of(name)):
            return _MARKER  # made by tools that show folders
        if self.exclusion and self.exclusion.excludes_within(item.key[len(self._prefix) :]):
            return EXCLUDED
        *above, last = [*folder.split("/"), name]
        if any(_is_hidden(segment) for segment in (*above, last)):
            return "(hidden)"
        if any(segment.lower() in SYSTEM_FOLDERS for segment in above):
            return "(system folder)"
        suffix, only = suffix_of(name), self.options.extensions
        if suffix in (only or IMAGE_SUFFIXES):
            return ""
        return _OTHER if only or suffix in _DATA else _UNCLEAR

    def is_image(self, key: str) -> bool:
        """Tell whether an object begins as an image does."""
        head = self._reader.head(self._place.address(key), HEAD_BYTES)
        return sniff_head(head) is not None

    def entry(self, item: ObjectKey) -> SourceFile:
        """Image of an object."""
        folder, name = self._split(item.key)
        location = to_text(self._place.address(item.key))
        return SourceFile(to_text(folder), to_text(name), location, item.size, stamp=item.stamp)

    def path_of(self, folder: str, name: str) -> str:
        """Address of an entry."""
        below = f"{to_path(folder)}/{to_path(name)}" if folder else to_path(name)
        return self._place.address(f"{self._prefix}{below}")

    def _split(self, key: str) -> tuple[str, str]:
        """(folder, name) of a key below the prefix; one that begins with a slash is all name."""
        below = key[len(self._prefix) :]
        if below.startswith("/"):
            return "", below
        folder, _, name = below.rpartition("/")
        return folder, name


class _Order:
    """Order in which a service lists keys: by their bytes, or folder by folder. In both the keys
    of a folder, with those below it, come together."""

    def __init__(self) -> None:
        self._key: bytes = b""
        self._segments: list[bytes] = []
        self._by_bytes = self._by_segments = True

    def check(self, key: str, place: Place) -> None:
        """Take the next key; raises UsageError when it can be neither order."""
        raw = key.encode("utf-8", "surrogatepass")
        segments = raw.split(b"/")
        self._by_bytes = self._by_bytes and self._key <= raw
        self._by_segments = self._by_segments and self._segments <= segments
        self._key, self._segments = raw, segments
        if not (self._by_bytes or self._by_segments):
            raise UsageError(f"{place.root} lists its keys in no order that is known: {key!r}")


def _is_inside(folder: str, around: str) -> bool:
    return not around or folder == around or folder.startswith(f"{around}/")


def _is_hidden(segment: str) -> bool:
    return segment.startswith(".") and segment not in (".", "..")
