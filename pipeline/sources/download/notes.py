"""Notes beside downloaded images: what is known of a URL, as JSON, and the marks of doubts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from pipeline.records import Rejection
from pipeline.system.files import storage_error, write_whole

DownloadState = Literal["new", "unchanged", "kept"]


class Fetched(Struct, frozen=True):
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


class Known(Struct, frozen=True):
    """Outcome of a URL's last request, at `asked_at` (epoch seconds).

    Attributes:
        not_before: epoch seconds before which the host does not want to be asked.
        doubt: why an image is a copy of earlier, "" when the site stands by it.
        final_url: where a URL led to that gave no image, "" when that is not known.
    """

    asked_at: int
    outcome: Fetched | Rejection
    not_before: int = 0
    doubt: str = ""
    final_url: str = ""


def notes_path(image: Path) -> Path:
    """Path of the notes of an image."""
    return image.with_name(f"{image.name}.json")


def doubt_path(image: Path) -> Path:
    """Path of the file that marks an image as doubtful."""
    return image.with_name(f"{image.name}.doubt")


def mark_doubt(image: Path, *, doubted: bool) -> None:
    """Leave an empty file beside a doubted image, so that listings need not read its notes."""
    mark = doubt_path(image)
    try:
        if doubted:
            mark.touch()
        elif mark.exists():
            mark.unlink()
    except OSError as error:
        raise storage_error(mark, error) from error


def read_notes(path: Path) -> dict[str, object]:
    """Notes, or nothing when they are missing or damaged: then the URL is asked for anew."""
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def rejection_in(notes: Mapping[str, object]) -> Rejection | None:
    """Read the reason for no image, None for none."""
    reason = notes.get("rejected")
    if not isinstance(reason, dict):
        return None
    return Rejection(str(reason.get("code")), str(reason.get("detail")))


def fetched_in(image: Path, notes: Mapping[str, object]) -> Fetched | None:
    """Read an image with what its site said; None when image and notes do not match."""
    facts = notes.get("fetched")
    if not isinstance(facts, dict):
        return None
    try:
        status: FileStat | None = file_stat(image.stat())
    except OSError:
        status = stat_in(notes)
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


def file_stat(status: os.stat_result) -> FileStat:
    """Size and time of a file."""
    return FileStat(status.st_size, status.st_mtime_ns)


def stat_in(notes: Mapping[str, object]) -> FileStat | None:
    """Size and time by the notes, of an image that may be deleted."""
    facts = notes.get("fetched")
    size = facts.get("size") if isinstance(facts, dict) else None
    mtime_ns = notes.get("mtime_ns")
    if isinstance(size, int) and isinstance(mtime_ns, int):
        return FileStat(size, mtime_ns)
    return None


def write_notes(path: Path, notes: Mapping[str, object]) -> None:
    """Write notes durably."""
    write_whole(path, json.dumps(notes).encode("ascii"))
