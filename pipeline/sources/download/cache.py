"""Downloaded images on disk: one file a URL, and beside it what is known of that URL.

    root/3f/3f9a...      the image, named by the SHA-256 of the URL's text
    root/3f/3f9a....json when it was asked for last, and its ETag, or why there is no image
    root/_incoming/      downloads under way

Whoever downloads writes here; sources only look: an image that is there is a file like others.
An image may be deleted at any time: its notes stand for it, in listings and for re-checks, until
somebody wants its bytes. The same bytes get their old date back, so that nobody takes them for new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.records import Rejection
from pipeline.system.files import publish, remove, sha256_of, storage_error, write_whole

DownloadState = Literal["new", "unchanged", "kept"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Downloaded image.

    Attributes:
        path: the file in the cache.
        etag, last_modified: as the site gave them, "" when it did not.
        size: bytes.
        content_type: as the site gave it; it may be wrong.
        final_url: where the image was after all redirects.
        how: "new" bytes; "unchanged", says the site; "kept" without an answer of the site.
    """

    path: Path
    etag: str
    last_modified: str
    size: int
    content_type: str
    final_url: str
    how: DownloadState = "new"


class FileStat(NamedTuple):
    """Size and time of an image, or those of its download when it is deleted now."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Stored:
    """Image on disk: `mtime` is when it was downloaded, epoch seconds."""

    path: Path
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Known:
    """Outcome of a URL's last request, at `asked_at` (epoch seconds)."""

    asked_at: int
    outcome: Fetched | Rejection


class UrlCache:
    """Cache below `root`; nothing is created by looking."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "_incoming"

    def image(self, url: str) -> Path:
        """Path of a URL's image, there or not."""
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self.root / name[:2] / name

    def incoming(self, url: str) -> Path:
        """Path that a download is written to first."""
        return self._incoming / self.image(url).name

    def open(self) -> None:
        """Make the folders, for their owner only, and forget downloads that were cut off.

        Raises:
            StorageError: the folder cannot be used.
        """
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in self._incoming.iterdir():
                leftover.unlink()
        except OSError as error:
            raise storage_error(self._incoming, error) from error

    def stat(self, url: str) -> FileStat | Rejection | None:
        """Size and time of a URL's image, or the reason for none; None: never requested."""
        image = self.image(url)
        with contextlib.suppress(OSError):
            status = image.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                return _file_stat(status)
        notes = _read(_notes(image))
        return _rejection(notes) or _noted(notes)

    def stored(self) -> Iterator[Stored]:
        """Yield all images on disk, in no order."""
        for folder in _listed(self.root):
            if folder.is_dir(follow_symlinks=False) and folder.name != self._incoming.name:
                for entry in _listed(Path(folder.path)):
                    with contextlib.suppress(OSError):  # gone meanwhile
                        status = entry.stat(follow_symlinks=False)
                        if "." not in entry.name and stat.S_ISREG(status.st_mode):
                            yield Stored(Path(entry.path), status.st_size, int(status.st_mtime))

    def want(self, url: str) -> None:
        """Ask for a deleted image again, whatever the site said of it before.

        Raises:
            StorageError: that cannot be noted.
        """
        path = _notes(self.image(url))
        if notes := _read(path):
            _write(path, {**notes, "asked": None})

    def recall(self, url: str) -> Known | None:
        """Outcome of the last request; None without one, or when image and notes do not match."""
        image = self.image(url)
        notes = _read(_notes(image))
        asked_at = notes.get("asked")
        if not isinstance(asked_at, int):
            return None
        outcome = _rejection(notes) or _fetched(image, notes)
        return None if outcome is None else Known(asked_at, outcome)

    def keep(
        self, url: str, fetched: Fetched, asked_at: int, incoming: Path | None = None
    ) -> Fetched:
        """Durably note an image; `incoming` becomes it first, when given.

        Raises:
            StorageError: it cannot be written; what was there before is still there.
        """
        image = self.image(url)
        before = _read(_notes(image))
        noted = _noted(before)
        digest, mtime_ns = before.get("sha256"), noted.mtime_ns if noted else None
        try:
            image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if incoming is not None:
                digest = sha256_of(incoming).hex()
                if digest == before.get("sha256") and mtime_ns is not None:
                    os.utime(incoming, ns=(mtime_ns, mtime_ns))
                _sync(incoming)
                publish(incoming, image)
            if image.exists():  # else it is deleted, and the site says that it is the same
                mtime_ns = image.stat().st_mtime_ns
        except OSError as error:
            raise storage_error(image, error) from error
        stored = replace(fetched, path=image)
        facts = {key: value for key, value in asdict(stored).items() if key not in ("path", "how")}
        header = {"asked": asked_at, "mtime_ns": mtime_ns, "sha256": digest}
        _write(_notes(image), {**header, "url": url, "fetched": facts})
        return stored

    def reject(self, url: str, rejection: Rejection, asked_at: int) -> None:
        """Durably note why a URL gives no image, and remove an earlier image.

        Raises:
            StorageError: it cannot be written.
        """
        image = self.image(url)
        try:
            image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(image, error) from error
        if image.exists():
            remove(image)
        reason = {"code": rejection.code, "detail": rejection.detail}
        _write(_notes(image), {"asked": asked_at, "url": url, "rejected": reason})


def _notes(image: Path) -> Path:
    return image.with_name(f"{image.name}.json")


def _read(path: Path) -> dict[str, object]:
    """Notes, or nothing when they are missing or damaged: then the URL is asked for anew."""
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _rejection(notes: Mapping[str, object]) -> Rejection | None:
    reason = notes.get("rejected")
    if not isinstance(reason, dict):
        return None
    return Rejection(str(reason.get("code")), str(reason.get("detail")))


def _fetched(image: Path, notes: Mapping[str, object]) -> Fetched | None:
    facts = notes.get("fetched")
    if not isinstance(facts, dict):
        return None
    try:
        status: FileStat | None = _file_stat(image.stat())
    except OSError:
        status = _noted(notes)
    # an image that was replaced just before a crash has its predecessor's notes
    if status is None or (status.size, status.mtime_ns) != (
        facts.get("size"),
        notes.get("mtime_ns"),
    ):
        return None
    texts = [str(facts.get(key, "")) for key in ("etag", "last_modified", "content_type")]
    return Fetched(
        image, texts[0], texts[1], status.size, texts[2], str(facts.get("final_url", "")), "kept"
    )


def _file_stat(status: os.stat_result) -> FileStat:
    return FileStat(status.st_size, status.st_mtime_ns)


def _noted(notes: Mapping[str, object]) -> FileStat | None:
    """Size and time by the notes, of an image that may be deleted."""
    facts = notes.get("fetched")
    size = facts.get("size") if isinstance(facts, dict) else None
    mtime_ns = notes.get("mtime_ns")
    if isinstance(size, int) and isinstance(mtime_ns, int):
        return FileStat(size, mtime_ns)
    return None


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, notes: Mapping[str, object]) -> None:
    write_whole(path, json.dumps(notes).encode("ascii"))
