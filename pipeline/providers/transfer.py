"""Downloads that are whole or an error. The SDK takes a short body for a whole one when the
server also lies about its length (openai-python #2959: large outputs were cut off)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import ServiceError
from pipeline.providers.base import FileTooLarge, ShortDownload
from pipeline.system.files import storage_error, sync

_BLOCK = 1 << 16


def require_size(file_id: str, size: int | None, most: int | None) -> None:
    """Refuse a file that is larger than it may be.

    Raises:
        FileTooLarge: it is.
    """
    if size is not None and most is not None and size > most:
        raise FileTooLarge(
            f"the file {file_id} has more than the {most:,} bytes that the requests can explain"
        )


def write_download(
    pieces: Iterable[bytes], to: Path, file_id: str, expected: int | None, most: int | None = None
) -> int:
    """Write `pieces` to `to`, fsynced, and make sure that they are a whole JSONL file.

    Args:
        expected: bytes of the file as the service says, None when it does not say.
        most: bytes that it may have, None for any number.

    Returns:
        Bytes written.

    Raises:
        ShortDownload: fewer bytes came than the service says, in whole lines; they are in `to`.
        ServiceError: cut off. What came stays in `to`.
        FileTooLarge: it has more bytes than `most`; the rest is not read.
        StorageError: `to` cannot be written.
    """
    count = 0
    try:
        with to.open("wb") as handle:
            for piece in pieces:
                count += len(piece)
                require_size(file_id, count, most)
                handle.write(piece)
            handle.flush()
            sync(handle.fileno())
    except OSError as error:
        raise storage_error(to, error) from error
    if expected is not None and count < expected:
        kind = ShortDownload if count and _ends_whole(to, count) else ServiceError
        raise _cut_off(file_id, f"{count} of {expected} bytes came", kind)
    if not _ends_whole(to, count):
        raise _cut_off(file_id, f"the last of its {count} bytes are half a line")
    return count


def _cut_off(file_id: str, words: str, kind: type[ServiceError] = ServiceError) -> ServiceError:
    return kind(f"the download of file {file_id} was cut off ({words}): run again")


def _ends_whole(path: Path, size: int) -> bool:
    """Tell whether the file is empty, ends with a newline, or ends with a complete JSON object.

    OpenAI ends files with a newline; a service that does not must not lose us paid captions.
    """
    if size == 0:
        return True
    last = _last_line(path, size)
    if last.endswith(b"\n"):
        return True
    try:
        return isinstance(json.loads(last), dict)
    except (ValueError, RecursionError):
        return False


def _last_line(path: Path, size: int) -> bytes:
    """Bytes behind the last newline that is not the last byte of the file."""
    tail, start = b"", size
    with path.open("rb") as handle:
        while start > 0 and b"\n" not in tail[:-1]:
            step = min(start, max(_BLOCK, len(tail)))
            start -= step
            handle.seek(start)
            tail = handle.read(step) + tail
    return tail[tail.rfind(b"\n", 0, len(tail) - 1) + 1 :]
