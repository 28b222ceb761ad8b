"""Lines of files of requests and answers, many at a time or each with its place.

Only b"\\n" ends a line: captions hold U+2028, U+0085 and \\x1c, at which str.splitlines tears.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is cut, and then is no JSON: an answer to one image has kilobytes."""

_PAGE_BYTES = 1 << 18


class LinePage(NamedTuple):
    """Lines that follow each other in a file.

    Attributes:
        offset: bytes of the file before the first.
        lines: without their newlines, blank ones too.
    """

    offset: int
    lines: list[bytes]

    def placed(self) -> Iterator[tuple[int, bytes]]:
        """(offset, line) of each line, without carriage returns at its end."""
        offset = self.offset
        for line in self.lines:
            yield offset, line.rstrip(b"\r")
            offset += len(line) + 1


def line_pages(stream: BinaryIO) -> Iterator[LinePage]:
    """Pages of whole lines; constant memory."""
    offset = 0
    while data := stream.read(_PAGE_BYTES):
        rest = b"" if data.endswith(b"\n") else stream.readline(MOST_LINE_BYTES)
        data += rest
        length = len(data)
        while len(rest) == MOST_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MOST_LINE_BYTES)
            length += len(rest)
        *lines, last = data.removesuffix(b"\n").split(b"\n")
        yield LinePage(offset, [*lines, last[:MOST_LINE_BYTES]])
        offset += length


def split_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of each line that is not blank, without its newline; constant memory."""
    for page in line_pages(stream):
        for offset, line in page.placed():
            if line and not line.isspace():
                yield offset, line
