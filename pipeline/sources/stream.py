"""Streams of a manifest (standard input, pipes): copied whole to a file before anything is read."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import UsageError
from pipeline.system.files import storage_error

STANDARD_INPUT = "-"
_COPIES = 2  # a copy may still be read by the run before
_BLOCK = 1 << 20
_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


def is_stream(text: str) -> bool:
    """Recognise standard input, and a path of a pipe, e.g. one of the shell's `<(...)`."""
    if text == STANDARD_INPUT:
        return True
    try:
        mode = os.stat(text).st_mode  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def copy_stream(text: str, folder: Path, name: str) -> Path:
    """Copy all that comes into a file of `folder`, which is made; older copies of `name` go.

    Raises:
        UsageError: nothing is connected to the stream, or nothing came.
        StorageError: the copy cannot be written.
    """
    if text == STANDARD_INPUT and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("- reads a manifest from standard input: pipe one in")
    prefix = f"{_PLAIN.sub('_', name)[:80]}-"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        earlier = sorted(folder.glob(f"{prefix}*"), key=lambda path: path.stat().st_mtime_ns)
        for path in earlier[: -_COPIES + 1]:
            path.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile("wb", prefix=prefix, dir=folder, delete=False) as copy:
            with _opened(text) as stream:
                shutil.copyfileobj(stream, copy, _BLOCK)
            size = copy.tell()
    except OSError as error:
        raise storage_error(folder, error) from error
    if not size:
        Path(copy.name).unlink(missing_ok=True)
        raise UsageError(f"nothing came from {_named(text)}: a manifest was expected there")
    return Path(copy.name)


def stream_note(text: str, name: str) -> str:
    """Sentence about a stream's identity."""
    return (
        f"what came from {_named(text)} is the source {name!r} (--source-name gives it another "
        f"name); its relative paths count from {Path.cwd()}"
    )


def _named(text: str) -> str:
    return "standard input" if text == STANDARD_INPUT else text


def _opened(text: str) -> nullcontext[BinaryIO] | BinaryIO:
    if text == STANDARD_INPUT:
        return nullcontext(cast(BinaryIO, sys.stdin.buffer))
    return Path(text).open("rb")
