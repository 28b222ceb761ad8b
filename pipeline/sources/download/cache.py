"""Downloaded images on disk: one file a URL, and beside it what is known of that URL.

    root/3f/3f9a...      the image, named by the SHA-256 of the URL's text
    root/3f/3f9a....json when it was asked for last, and its ETag, or why there is no image
    root/3f/3f9a....doubt an empty file: the image is a copy that the site no longer stands by
    root/_incoming/      downloads under way

Whoever downloads writes here; sources only look: an image that is there is a file like others.
An image may be deleted at any time: its notes stand for it, in listings and for re-checks, until
somebody wants its bytes. The same bytes get their old date back, so that nobody takes them for new.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import asdict, replace

from pipeline.records import Rejection
from pipeline.sources.download.notes import (
    Fetched,
    FileStat,
    Known,
    Stored,
    doubt_path,
    fetched_in,
    file_stat,
    mark_doubt,
    notes_path,
    read_notes,
    rejection_in,
    stat_in,
    write_notes,
)
from pipeline.system.files import publish, remove, sha256_of, storage_error, sync


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
                return file_stat(status)
        notes = read_notes(notes_path(image))
        return rejection_in(notes) or stat_in(notes)

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
        path = notes_path(self.image(url))
        if notes := read_notes(path):
            write_notes(path, {**notes, "asked": None})

    def recall(self, url: str) -> Known | None:
        """Outcome of the last request; None without one, or when image and notes do not match."""
        image = self.image(url)
        notes = read_notes(notes_path(image))
        asked_at = notes.get("asked")
        if not isinstance(asked_at, int):
            return None
        outcome = rejection_in(notes) or fetched_in(image, notes)
        if outcome is None:
            return None
        not_before = notes.get("not_before")
        return Known(
            asked_at,
            outcome,
            not_before if isinstance(not_before, int) else 0,
            str(notes.get("doubt") or ""),
            str(notes.get("final_url") or ""),
        )

    def is_doubted(self, url: str) -> bool:
        """Tell whether a URL's image is a copy that the site no longer stands by."""
        return doubt_path(self.image(url)).exists()

    def keep(
        self,
        url: str,
        fetched: Fetched,
        asked_at: int,
        incoming: Path | None = None,
        doubt: str = "",
    ) -> Fetched:
        """Durably note an image; `incoming` becomes it first, when given.

        Args:
            doubt: why the site no longer stands by the copy, "" when it does.

        Raises:
            StorageError: it cannot be written; what was there before is still there.
        """
        image = self.image(url)
        before = read_notes(notes_path(image))
        noted = stat_in(before)
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
        notes = {**header, "url": url, "fetched": facts}
        write_notes(notes_path(image), {**notes, "doubt": doubt} if doubt else notes)
        mark_doubt(image, doubted=bool(doubt))
        return stored

    def set_aside(self, url: str) -> None:
        """Keep a URL's image for `restore`, until the cache is opened anew.

        Raises:
            StorageError: it cannot be moved.
        """
        image, aside = self.image(url), self._aside(url)
        try:
            notes_path(aside).write_bytes(notes_path(image).read_bytes())
            aside.unlink(missing_ok=True)
            aside.hardlink_to(image)
        except FileNotFoundError:  # its image is deleted, and nothing needs it
            notes_path(aside).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(aside, error) from error

    def restore(self, url: str, asked_at: int, doubt: str) -> bool:
        """Put an image back that was set aside, with a doubt; False without one.

        Raises:
            StorageError: it cannot be written.
        """
        image, aside = self.image(url), self._aside(url)
        notes = read_notes(notes_path(aside))
        if not notes or not aside.exists():
            return False
        try:
            publish(aside, image)
        except OSError as error:
            raise storage_error(image, error) from error
        write_notes(notes_path(image), {**notes, "asked": asked_at, "doubt": doubt})
        mark_doubt(image, doubted=True)
        return True

    def _aside(self, url: str) -> Path:
        return self.incoming(url).with_suffix(".aside")

    def reject(
        self,
        url: str,
        rejection: Rejection,
        asked_at: int,
        not_before: int = 0,
        final_url: str = "",
    ) -> None:
        """Durably note why a URL gives no image, and remove an earlier image.

        Args:
            not_before: epoch seconds before which the host does not want to be asked.
            final_url: where the URL led to.

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
        more = {"not_before": not_before, "final_url": final_url}
        notes = {key: value for key, value in more.items() if value}
        write_notes(notes_path(image), {"asked": asked_at, "url": url, "rejected": reason, **notes})
        mark_doubt(image, doubted=False)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
