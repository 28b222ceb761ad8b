"""Guard of the file that an export would replace: only one of ours is written over."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Collection
from pathlib import Path

import orjson

from pipeline.core.formulas import original_cell
from pipeline.errors import UsageError
from pipeline.system.regular_file import open_regular

_MAGIC = b"PAR1"
_MARK = b"captionmill."  # keys of the metadata, which ends the file
_END = 1 << 20  # bytes


def refuse_others(path: Path) -> None:
    """Refuse to write a Parquet file over one that is not ours, as far as can be told: an earlier
    export is ours in whatever way it is damaged, and a broken Parquet file is of use to nobody.

    Raises:
        UsageError: it is somebody else's, or cannot be looked at.
    """
    head, tail = _ends(path)
    is_broken = head.startswith(_MAGIC) and (len(tail) == len(_MAGIC) or not tail.endswith(_MAGIC))
    if tail and not is_broken and _MARK not in tail:
        raise UsageError(f"{path} is there and no table of captionmill: name another file")


def refuse_other_rows(path: Path, names: Collection[str]) -> None:
    """Refuse to write CSV or JSON lines over a file that is no earlier export. Nothing in them says
    whose they are, so most columns must be the same: some may have come or gone since.

    Raises:
        UsageError: it is somebody else's, or cannot be looked at.
    """
    head, _ = _ends(path)
    before = _names_in(head)
    if head and 2 * len(before & {*names}) < max(len(before), len(names)):
        raise UsageError(
            f"{path} is there and no such export of captionmill: remove it, or name another file"
        )


def _ends(path: Path) -> tuple[bytes, bytes]:
    """First and last bytes of a file; none where there is no file.

    Raises:
        UsageError: they cannot be read.
    """
    try:
        with open_regular(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(_END)
            stream.seek(max(0, size - _END))
            return head, stream.read(_END)
    except FileNotFoundError:
        return b"", b""
    except OSError as error:
        raise UsageError(
            f"{path} cannot be replaced ({error.strerror}): name another one"
        ) from None


def _names_in(head: bytes) -> set[str]:
    """Names of the columns with which a file of CSV or of JSON lines begins."""
    line = head.partition(b"\n")[0].decode("utf-8-sig", "replace")
    with contextlib.suppress(ValueError):
        row = orjson.loads(line)
        return set(row) if isinstance(row, dict) else set()
    with contextlib.suppress(csv.Error):  # a field is too long
        # a spreadsheet of another country saves semicolons
        delimiter = max(",;\t", key=line.count)
        return set(map(original_cell, next(csv.reader([line], delimiter=delimiter), [])))
    return set()
