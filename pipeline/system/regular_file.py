"""Opening of files that anybody may have put there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegular(OSError):
    """Something that is no file stands there: a pipe, a socket, a device, a folder."""


def open_regular(path: Path, *, links: bool = True) -> BinaryIO:
    """Open a regular file for reading, unbuffered. Nothing else is ever opened: a pipe without a
    writer would hold us up for ever, and opening a device may do something.

    Args:
        links: a link to a regular file is one.

    Raises:
        NotRegular: it is none.
        OSError: the system refuses.
    """
    _require_regular(path.stat(follow_symlinks=links))
    follow = 0 if links else os.O_NOFOLLOW
    # it may have been replaced since
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | follow)
    try:
        _require_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb", buffering=0)  # noqa: PTH123 - of a descriptor


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(errno.EINVAL, "it is no regular file")
