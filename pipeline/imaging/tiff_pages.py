"""Pages of a TIFF by its directories, and which of them are pictures (TIFF 6.0, and BigTIFF)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from pipeline.imaging.translation import translated

_NEW_SUBFILE, _SUBFILE = 254, 255
_REDUCED, _MASK = 1, 4  # bits of the new tag
_OLD_REDUCED = 2
_MOST_PAGES = 10_000
_HEADER, _BIG_HEADER = 8, 16


@dataclass(frozen=True)
class TiffPage:
    """One directory.

    Attributes:
        directory: its tags, each read when it is asked for.
        order: of bytes, "<" or ">".
    """

    directory: ImageFileDirectory_v2
    order: str

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Whole numbers of a tag, `default` without it or when they are none."""
        value = self.directory.get(tag)
        values = value if isinstance(value, tuple) else (value,)
        return values if all(isinstance(one, int) for one in values) else default

    def number(self, tag: int, default: int) -> int:
        """First value of a tag."""
        return self.numbers(tag, (default,))[0] if tag in self.directory else default

    @cached_property
    def is_picture(self) -> bool:
        """Neither a smaller copy of another page nor a mask."""
        kind = self.number(_NEW_SUBFILE, 0)
        return not kind & (_REDUCED | _MASK) and self.number(_SUBFILE, 1) != _OLD_REDUCED


def pages(data: bytes) -> Iterator[TiffPage]:
    """Pages in the order of the file.

    Raises:
        Refusal: a directory cannot be read.
    """
    seen: set[int] = set()
    with translated():
        file = io.BytesIO(data)
        big = data[2:4] in (b"+\0", b"\0+")
        head = ImageFileDirectory_v2(data[: _BIG_HEADER if big else _HEADER])
    order = "<" if data[:2] == b"II" else ">"
    at = head.next
    while at and at < len(data) and at not in seen and len(seen) < _MOST_PAGES:
        seen.add(at)
        with translated():
            directory = ImageFileDirectory_v2(data[: _BIG_HEADER if big else _HEADER])
            file.seek(at)
            directory.load(file)
        yield TiffPage(directory, order)
        at = directory.next


def strips(page: TiffPage, data: bytes) -> Iterator[bytes]:
    """Bytes of each strip or tile."""
    offsets = page.numbers(273) or page.numbers(324)
    lengths = page.numbers(279) or page.numbers(325)
    for at, length in zip(offsets, lengths, strict=False):
        yield data[at : at + length]


def strip_sizes(page: TiffPage) -> Iterator[int]:
    """Bytes that each strip of a page unpacks to; none for tiles, which are always filled up."""
    width, height = page.number(256, 0), page.number(257, 0)
    rows = min(page.number(278, height) or height, height)
    bands, planes = page.number(277, 1), 1
    if page.number(284, 1) == 2:
        bands, planes = 1, bands
    row = -(-width * bands * page.number(258, 1) // 8)
    if 322 in page.directory or not rows:
        return
    for _ in range(planes):
        for top in range(0, height, rows):
            yield row * min(rows, height - top)
