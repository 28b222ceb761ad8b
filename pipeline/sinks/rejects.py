"""List of what could not be captioned and why, as a CSV safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.core.cells import Cells
from pipeline.core.formulas import defused
from pipeline.core.table import Row
from pipeline.errors import StorageError
from pipeline.sinks.base import WrittenTable
from pipeline.system.files import sha256_of, whole_file
from pipeline.system.regular_file import open_regular

_BLOCK = 1 << 20


class RejectsSink:
    """CSV at `path`, UTF-8; see `sinks.base.Sink`.

    What a spreadsheet would run as a formula gets an apostrophe in front, whatever delimiter and
    quotes it expects.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """See Sink. A CSV has no place for `metadata`; a file with these lines already stays."""
        del metadata
        count = 0

        def lines() -> Iterator[bytes]:
            nonlocal count
            yield _line([column.name for column in cells.columns])
            for page in pages:
                for row in zip(*cells.of(page), strict=True):
                    yield _line([defused(str(cell)) for cell in row])
                count += len(page)

        _write_lines(self.path, lines())
        return WrittenTable(count, sha256_of(self.path).hex(), self.path.stat().st_size, self.path)


def _write_lines(path: Path, lines: Iterator[bytes]) -> None:
    """Replace a file by one with these lines, unless it holds just them."""
    with _opened(path) as earlier:
        same = 0  # bytes
        for line in lines:
            if earlier.read(len(line)) != line:
                break
            same += len(line)
        else:
            if not earlier.read(1):
                return
            line = b""
        earlier.seek(0)
        with whole_file(path, links=True) as handle:
            while same:
                part = earlier.read(min(same, _BLOCK))
                if not part:
                    raise StorageError(f"{path} was cut by another program meanwhile: run again")
                handle.write(part)
                same -= len(part)
            handle.write(line)
            handle.writelines(lines)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """File that is there, an empty one where there is none that can be read."""
    try:
        stream: BinaryIO = io.BufferedReader(cast(io.RawIOBase, open_regular(path)))
    except OSError:
        stream = io.BytesIO()
    with stream:
        yield stream


def _line(row: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode("utf-8", "replace")
