"""Reading a source file that anybody may have put there."""

from __future__ import annotations

import errno
import os
import stat

from pipeline.imaging.decoder import Refusal

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_BLOCK = 1 << 20


def read_image_file(location: str, max_bytes: int) -> bytes:
    """Whole file at `location`, an openable path.

    Never waits on a pipe, never reads a device, never reads more than `max_bytes`.

    Raises:
        Refusal: `vanished`, `unreadable`, `empty_file` or `too_large_file`.
    """
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _refusal(error) from error
    try:
        return _read(descriptor, max_bytes)
    except OSError as error:
        raise _refusal(error) from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Refusal("unreadable", "it is not a regular file")
    if status.st_size > max_bytes:
        raise Refusal("too_large_file", f"{status.st_size} bytes, at most {max_bytes} are allowed")
    data = _read_all(descriptor, status.st_size, max_bytes)
    if len(data) > max_bytes:
        raise Refusal("too_large_file", f"it grew beyond {max_bytes} bytes while it was read")
    if not data:
        raise Refusal("empty_file")
    return data


def _read_all(descriptor: int, size: int, max_bytes: int) -> bytes:
    """Read what there is, at most one byte above `max_bytes`; `size` is what the system says.

    Almost always one call gives everything; a file object would take four.
    """
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts, left = [data], max_bytes + 1 - len(data)
    while left > 0 and (part := os.read(descriptor, min(left, _BLOCK))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _refusal(error: OSError | ValueError) -> Refusal:
    number = error.errno if isinstance(error, OSError) else None
    if number in _GONE:
        return Refusal("vanished")
    return Refusal("unreadable", os.strerror(number) if number else "its name is no file name")
