"""Images inside an archive: what of its members is an image, and which texts belong to it.

An archive is read as unpacking it would leave it: a name that comes again means its last member,
a hard link is a file, and what is hidden or made by machines is left out as in a folder. Names that
would lead out of the folder it is unpacked to stay as rows with a problem. Skipped members are
counted by suffix, the others by these words: "(hidden)", "(system folder)", "(link not followed)",
"(not a file)", "(replaced by a later member)", "(damaged from here on)".

Texts `KEY.txt` and `KEY.json` of an image `KEY.jpg` or `KEY.seg.png` (WebDataset's samples) are its
columns: `txt`, and one for each key of the JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.core.encodings import decode_text
from pipeline.core.skipped_files import beside_images
from pipeline.errors import UsageError
from pipeline.imaging.sniff import HEAD_BYTES, IMAGE_SUFFIXES, sniff_head
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    closed_digest,
    problem_entry,
    stamp_of,
    stat_token,
    to_path,
    to_text,
)
from pipeline.sources.folder import SYSTEM_FOLDERS
from pipeline.sources.heads import count_skipped, suffix_of
from pipeline.storage.containers.member import (
    Archive,
    ContainerError,
    Member,
    MemberAddress,
    MemberIndex,
    read_named,
)
from pipeline.storage.containers.readers import container_stamp
from pipeline.storage.containers.value_text import value_text

REPLACED = "(replaced by a later member)"
DAMAGED = "(damaged from here on)"
_TEXT, _JSON = ".txt", ".json"
_SCANNED = 2_000  # members that tell which columns there are
_LONGEST_TEXT = 1 << 16
_LONGEST_NAME = 4096
_LEADS_OUT = re.compile(r"\A[/\\]|\A[A-Za-z]:|(?:\A|[/\\])\.\.(?:[/\\]|\Z)")


class ArchiveSource:
    """Images inside one archive; subclasses say how it is opened."""

    kind: str
    open_archive: Callable[[str], Archive]

    def __init__(self, path: os.PathLike[str], options: SourceOptions) -> None:
        """Open an archive; its members are listed later, but for the first ones.

        Raises:
            UsageError: it cannot be read.
        """
        self.options = options
        self._path = os.path.realpath(path)
        self.locator = to_text(self._path)
        self.label = to_text(os.path.basename(self._path))  # noqa: PTH119
        self.problems = Problems()
        self.complete = True
        try:
            with self.opened() as archive:
                self.columns = _columns(archive)
        except (OSError, ContainerError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {path}: {words}") from error

    @contextlib.contextmanager
    def opened(self) -> Iterator[Archive]:
        """Archive, closed afterwards."""
        archive = type(self).open_archive(self._path)
        try:
            yield archive
        finally:
            archive.close()

    def listings(self) -> Iterator[SourceListing]:
        """One listing of the whole archive."""
        self.problems, self.complete = Problems(), True
        try:
            yield ArchiveListing(self)
        except OSError as error:
            self.lose(error.strerror)

    def lose(self, words: str | None) -> None:
        """Note that members may be missing, and why."""
        self.complete = False
        self.problems.add(f"{self.locator}: {words}")

    def path_of(self, folder: str, name: str) -> str:
        """Address of an entry."""
        del folder
        return str(MemberAddress(self.kind, self._path, to_path(name)))

    def status(self) -> os.stat_result:
        """Status of the archive's file; raises OSError."""
        return os.stat(self._path)  # noqa: PTH116


class ArchiveListing:
    """Listing of all members."""

    folder = ""

    def __init__(self, source: ArchiveSource) -> None:
        """Take the digest; raises OSError."""
        self.skipped: Counter[str] = Counter()
        self._source = source
        self._status = status = source.status()
        changed = stamp_of(status, source.options.stamp)
        token = stat_token("", status.st_size, status.st_mtime_ns, status.st_ino, changed)
        self.digest = closed_digest(token, source.options, source.columns)

    def entries(self) -> Iterator[SourceFile]:
        """Images in the archive's order.

        Raises:
            UsageError: the archive became unreadable.
        """
        self.skipped = Counter()
        source = self._source
        try:
            with source.opened() as archive:
                index = MemberIndex(archive.members())
                texts = _Texts(archive, index, source.columns)
                # damage is said once all members before it are listed
                with contextlib.suppress(ContainerError):
                    for member in archive.members():
                        if (entry := self._entry(archive, index, texts, member)) is not None:
                            yield entry
                texts.count(self.skipped)
                for sentence in texts.sentences(source.label):
                    source.problems.add(sentence)
                if index.damage:
                    self.skipped[DAMAGED] += 1
                    source.lose(index.damage)
        except FileNotFoundError:
            source.complete = False  # gone since: the next crawl says so
        except (OSError, ContainerError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {source.locator}: {words}") from error

    def _entry(
        self, archive: Archive, index: MemberIndex, texts: _Texts, member: Member
    ) -> SourceFile | None:
        """Entry of an image, None for what is none."""
        if member.kind == "folder":
            return None
        if (reason := _left_out(member)) or index.place(member.name) != member.at:
            self.skipped[reason or REPLACED] += 1
            return None
        if not self._is_image(archive, index, member):
            return None
        name = to_text(member.name)
        problem = _name_problem(member.name) or member.problem
        if problem is not None:
            name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
            return problem_entry(name or "(no name)", problem.code, problem.detail)
        status = self._status
        return SourceFile(
            "",
            name,
            to_text(self._source.path_of("", name)),
            member.size if member.kind == "file" else status.st_size,
            status.st_mtime_ns,
            status.st_ino,
            columns=texts.columns(member.name),
            ctime_ns=stamp_of(status, self._source.options.stamp),
            stamp=container_stamp(status),
        )

    def _is_image(self, archive: Archive, index: MemberIndex, member: Member) -> bool:
        suffix = suffix_of(member.name)
        only = self._source.options.extensions
        if suffix in (only or IMAGE_SUFFIXES):
            return True
        if not only and suffix not in (_TEXT, _JSON) and member.problem is None:
            if member.kind == "hard link":
                place = index.place(member.target)
                member = member if place is None else archive.member_at(place)
            if sniff_head(archive.head(member, HEAD_BYTES)) is not None:
                return True
        count_skipped(self.skipped, suffix)
        return False


class _Texts:
    """Texts of images, found by their names."""

    def __init__(self, archive: Archive, index: MemberIndex, columns: tuple[str, ...]) -> None:
        self._archive, self._index, self._columns = archive, index, columns
        self._used: Counter[str] = Counter()
        self._last = {_TEXT: -1, _JSON: -1}
        self._bad, self._first_bad = 0, ""
        self._others: set[str] = set()

    def columns(self, name: str) -> dict[str, str]:
        """Columns of an image."""
        values = dict.fromkeys(self._columns, "")
        for suffix in (_JSON, _TEXT) if self._columns else ():
            if (text := self._text(name, suffix)) is None:
                continue
            read = {"txt": value_text(text).strip()} if suffix == _TEXT else self._object(name, text)
            values.update((key, value) for key, value in read.items() if key in values)
            self._others.update(islice(read.keys() - values.keys(), 100))
        return values

    def count(self, skipped: Counter[str]) -> None:
        """Count the texts of images as such."""
        for suffix, used in self._used.items():
            beside = min(used, skipped[suffix])
            skipped[beside_images(suffix)] += beside
            skipped[suffix] -= beside
            if not skipped[suffix]:
                del skipped[suffix]

    def sentences(self, label: str) -> Iterator[str]:
        """Sentences on texts that are no columns."""
        if self._bad:
            several = f" (and {self._bad - 1:,} more)" if self._bad > 1 else ""
            yield (
                f"{label}: the text of {to_text(self._first_bad)}{several} is not read: it is "
                "damaged, or too long"
            )
        if self._others:
            names = ", ".join(sorted(self._others)[:5])
            yield f"{label}: its first {_SCANNED:,} members have no {names}: this is no column"

    def _text(self, name: str, suffix: str) -> str | None:
        for key in _keys(name):
            if (place := self._index.place(key + suffix)) is None:
                continue
            if place != self._last[suffix]:
                self._used[suffix] += 1
                self._last[suffix] = place
            data = read_named(self._archive, self._index, key + suffix, _LONGEST_TEXT)
            if not isinstance(data, Rejection):
                return decode_text(data, None)[0]
            self._note_bad(key + suffix)
        return None

    def _object(self, name: str, text: str) -> Mapping[str, str]:
        read = _json_columns(text)
        if read is None:
            self._note_bad(name)
        return read or {}

    def _note_bad(self, name: str) -> None:
        self._bad += 1
        self._first_bad = self._first_bad or name


def _json_columns(text: str) -> dict[str, str] | None:
    """Columns of a JSON object, None for other texts."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return {value_text(key): value_text(member) for key, member in value.items()}


def _columns(archive: Archive) -> tuple[str, ...]:
    """Columns of an archive's images, as its first members have them."""
    members: list[Member] = []
    with contextlib.suppress(ContainerError):  # said when they are listed
        members.extend(islice(archive.members(), _SCANNED))
    images = {key for m in members if suffix_of(m.name) in IMAGE_SUFFIXES for key in _keys(m.name)}
    columns: dict[str, None] = {}
    with_texts = False
    for member in members:
        key, suffix = os.path.splitext(member.name)  # noqa: PTH122
        if key not in images or member.kind != "file" or member.problem is not None:
            continue
        if suffix == _TEXT:
            with_texts = True
        elif suffix == _JSON:
            data = archive.read(member, _LONGEST_TEXT)
            if not isinstance(data, Rejection):
                columns.update(dict.fromkeys(_json_columns(decode_text(data, None)[0]) or ()))
    if with_texts:
        columns["txt"] = None
    return tuple(columns)


def _keys(name: str) -> tuple[str, ...]:
    """Names without the suffix, and as WebDataset has them: up to the first dot of the last part.

    >>> _keys("a.b/cat.seg.png")
    ('a.b/cat.seg', 'a.b/cat')
    """
    folder, slash, last = name.rpartition("/")
    return tuple(
        dict.fromkeys(
            (folder + slash + last.rpartition(".")[0], folder + slash + last.split(".")[0])
        )
    )


def _left_out(member: Member) -> str:
    """Reason why a member is no image whatever it holds, "" for none."""
    parts = member.name.split("/")
    if any(part.startswith(".") and part not in (".", "..") for part in parts):
        return "(hidden)"
    if any(part.lower() in SYSTEM_FOLDERS for part in parts[:-1]):
        return "(system folder)"
    return {"link": "(link not followed)", "other": "(not a file)"}.get(member.kind, "")


def _name_problem(name: str) -> Rejection | None:
    if not name or "\0" in name:
        return Rejection("bad_path", "the path cannot be used: it is empty, or holds a zero byte")
    if len(name) > _LONGEST_NAME:
        return Rejection("bad_path", f"the path cannot be used: it has {len(name):,} characters")
    if _LEADS_OUT.search(name):
        return Rejection("bad_path", "the path cannot be used: it leads out of the archive")
    return None
