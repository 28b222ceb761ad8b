"""Downloaded images on disk: one file a URL, and beside it what is known of that URL.

    root/3f/3f9a...      the image, named by the SHA-256 of the URL's text
    root/3f/3f9a....json when it was asked for last, and its ETag, or why there is no image
    root/_incoming/      downloads under way

Whoever downloads writes here; sources only look: an image that is there is a file like others.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pipeline.files import publish, remove, storage_error, write_whole
from pipeline.records import Rejection

How = Literal["new", "unchanged", "kept"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded image.

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
    how: How = "new"


@dataclass(frozen=True, slots=True)
class Known:
    """What became of a URL when it was asked for last, at `asked` (epoch seconds)."""

    asked: int
    found: Fetched | Rejection


class UrlCache:
    """The cache below `root`; nothing is created by looking."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "_incoming"

    def image(self, url: str) -> Path:
        """Where the image of a URL is, or would be."""
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self.root / name[:2] / name

    def incoming(self, url: str) -> Path:
        """Where the download of a URL is written first."""
        return self._incoming / self.image(url).name

    def open(self) -> None:
        """Make the folders, for their owner only, and forget downloads that were cut off.

        Raises:
            StorageError: the folder cannot be used.
        """
        try:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._incoming.iterdir():
                left.unlink()
        except OSError as error:
            raise storage_error(self._incoming, error) from error

    def look(self, url: str) -> os.stat_result | Rejection | None:
        """The image's stat, or why there is none; None: never asked for."""
        image = self.image(url)
        try:
            seen = image.stat(follow_symlinks=False)
        except OSError:
            seen = None
        if seen is not None and stat.S_ISREG(seen.st_mode):
            return seen
        return _rejection(_read(_notes(image)))

    def recall(self, url: str) -> Known | None:
        """What is known; None when nothing is, or when image and notes do not belong together."""
        image = self.image(url)
        notes = _read(_notes(image))
        asked = notes.get("asked")
        if not isinstance(asked, int):
            return None
        found = _rejection(notes) or _fetched(image, notes)
        return None if found is None else Known(asked, found)

    def keep(self, url: str, fetched: Fetched, asked: int, incoming: Path | None = None) -> Fetched:
        """Durably note an image; `incoming` becomes it first, when given.

        Raises:
            StorageError: it cannot be written; what was there before is still there.
        """
        image = self.image(url)
        try:
            image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if incoming is not None:
                _sync(incoming)
                publish(incoming, image)
            mtime_ns = image.stat().st_mtime_ns
        except OSError as error:
            raise storage_error(image, error) from error
        kept = replace(fetched, path=image)
        said = {key: value for key, value in asdict(kept).items() if key not in ("path", "how")}
        _write(_notes(image), {"asked": asked, "mtime_ns": mtime_ns, "url": url, "fetched": said})
        return kept

    def reject(self, url: str, rejection: Rejection, asked: int) -> None:
        """Durably note why a URL gives no image; an earlier image of it goes.

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
        said = {"code": rejection.code, "detail": rejection.detail}
        _write(_notes(image), {"asked": asked, "url": url, "rejected": said})


def _notes(image: Path) -> Path:
    return image.with_name(f"{image.name}.json")


def _read(path: Path) -> dict[str, object]:
    """The notes, or nothing when they are missing or damaged: then the URL is asked for anew."""
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _rejection(notes: Mapping[str, object]) -> Rejection | None:
    said = notes.get("rejected")
    if not isinstance(said, dict):
        return None
    return Rejection(str(said.get("code")), str(said.get("detail")))


def _fetched(image: Path, notes: Mapping[str, object]) -> Fetched | None:
    said = notes.get("fetched")
    if not isinstance(said, dict):
        return None
    try:
        seen = image.stat()
    except OSError:
        return None
    # an image that was replaced just before a crash has its predecessor's notes
    if (seen.st_size, seen.st_mtime_ns) != (said.get("size"), notes.get("mtime_ns")):
        return None
    texts = [str(said.get(key, "")) for key in ("etag", "last_modified", "content_type")]
    return Fetched(
        image, texts[0], texts[1], seen.st_size, texts[2], str(said.get("final_url", "")), "kept"
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, notes: Mapping[str, object]) -> None:
    write_whole(path, json.dumps(notes).encode("ascii"))
