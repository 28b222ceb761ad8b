"""Parts of a file that were never written, as copies leave them that stopped or lost blocks of
a disk: zeros, or the ones of an erased memory, in place of pixels.

Nothing here is a proof, so that what it finds is flagged and sent. Formats with checksums do not
need it, nor do those whose decoders notice. Samples that are stored plainly have neither: any
bytes are a picture, and only an end that breaks off inside a row, under a row that does not, or
zeros that fill whole pages of a disk and not a byte more, give it away.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.imaging.code_points import says_other_size
from pipeline.imaging.packed_rows import fills_rows
from pipeline.imaging.stored_end import goes_on
from pipeline.imaging.stored_sizes import holds_its_pictures, holds_its_rows
from pipeline.imaging.tiff_pages import TiffPage

_TAIL = {"GIF": 3, "WebP": 8, "HEIC": 8, "AVIF": 8, "JPEG XL": 64}  # bytes
# bytes, in compressed pixels
_HOLE = {"WebP": 128, "TIFF": 128, "QOI": 128, "HEIC": 128, "AVIF": 128, "JPEG 2000": 512}
# plain samples, faxes, which are filled up with them, and what has checksums
_MAY_HAVE_ZEROS = frozenset({1, 2, 3, 4, 8, 32946})
_BLOCK = 512  # bytes: disks lose no less
_PAGE = 4096  # bytes: a black area of a plain picture hardly begins and ends at the borders of such
_IN_BLOCKS = frozenset({"HEIC", "AVIF", "GIF", "JPEG XL"})
_PLAIN = frozenset({"BMP", "PNM", "TIFF", "TGA", "ICO", "PCX", "PSD", "DDS", "QOI", "SGI"})
_PLAIN |= {"Sun raster", "BLP", "ICNS"}
_UPWARDS = frozenset({"BMP", "TGA", "ICO", "SGI"})  # formats whose last row may be the first stored
_SHORTEST_TAIL = 16  # pixels
_ROWS_OF_BLOCK = 4  # of the compressions in DDS
_ROWS_AT_FIRST = 64
_MOST = 0.6  # of the pixels around a break are not of its colour

Rows = npt.NDArray[np.generic]


def doubt_flags(image: Image.Image, data: bytes, format: str) -> tuple[str, ...]:
    """Flags for doubts about a loaded image: "uniform_tail", "zero_block" and "length_differs"."""
    start, end = _pixels(image, data, format)
    flags: tuple[str, ...] = ()
    tail = _TAIL.get(format, 0)
    unwritten = tail and data[end - tail : end] in (b"\0" * tail, b"\xff" * tail)
    if unwritten or (format in _PLAIN and _breaks_off(image, format)):
        flags = ("uniform_tail",)
    if (
        _has_hole(data, format, start, end)
        or (format in _IN_BLOCKS and _has_zero_blocks(data))
        or (format in _PLAIN and _has_lost_pages(data))
    ):
        flags += ("zero_block",)
    says_other = format == "BMP" and int.from_bytes(data[2:6], "little") not in (0, len(data))
    says_other |= format == "BMP" and not holds_its_rows(data)
    says_other |= format == "ICO" and not holds_its_pictures(data)
    says_other |= format == "AVIF" and says_other_size(data)
    if says_other or goes_on(data, format) or not fills_rows(data, format):
        flags += ("length_differs",)
    return flags


def _pixels(image: Image.Image, data: bytes, format: str) -> tuple[int, int]:
    """Part of the file in which compressed pixels lie, an empty one where they are not."""
    if format == "WebP":
        return _webp_pixels(data)
    if format == "TIFF":
        return _tiff_pixels(image)
    return 0, len(data)


def _webp_pixels(data: bytes) -> tuple[int, int]:
    """From the first chunk of pixels to the end of the last one."""
    at, first, last = 12, 0, len(data)
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in (b"VP8 ", b"VP8L", b"ANMF"):
            first, last = first or at, min(at + 8 + length, len(data))
        at += 8 + length + length % 2
    return first, last


def _tiff_pixels(image: Image.Image) -> tuple[int, int]:
    directory = getattr(image, "tag_v2", None)
    if directory is None:
        return 0, 0
    page = TiffPage(directory, "<")
    if page.number(259, 1) in _MAY_HAVE_ZEROS:
        return 0, 0
    offsets = page.numbers(273) or page.numbers(324)
    lengths = page.numbers(279) or page.numbers(325)
    ends = [at + length for at, length in zip(offsets, lengths, strict=False)]
    return (min(offsets), max(ends)) if ends else (0, 0)


def _has_hole(data: bytes, format: str, start: int, end: int) -> bool:
    """Recognise more zeros than compressed pixels ever have, outside of makers' notes, which are
    full of them."""
    length = _HOLE.get(format, 0)
    if format in ("HEIC", "AVIF"):
        start = len(data) if b"Exif" in data else data.find(b"mdat")
    return length > 0 and data.find(bytes(length), start, end) >= 0


def _has_zero_blocks(data: bytes) -> bool:
    """Recognise whole blocks of zeros between other bytes: zeros of a picture would begin and end
    at borders of blocks only by chance."""
    empty = _all_zeros(data, _BLOCK)
    for block in empty:
        at = int(block) * _BLOCK
        before, behind = data[at - 1 : at], data[at + _BLOCK : at + _BLOCK + 1]
        if before not in (b"", b"\0") and (block + 1 in empty or behind != b"\0"):
            return True
    return False


def _has_lost_pages(data: bytes) -> bool:
    """Recognise pages of zeros directly between other bytes."""
    empty = _all_zeros(data, _PAGE)
    if not len(empty):
        return False
    for run in np.split(empty, np.flatnonzero(np.diff(empty) != 1) + 1):
        if not len(run) or not run[0]:
            continue
        start, end = int(run[0]) * _PAGE, (int(run[-1]) + 1) * _PAGE
        if end < len(data) and data[start - 1] and data[end]:
            return True
    return False


def _all_zeros(data: bytes, size: int) -> npt.NDArray[np.intp]:
    """Numbers of the whole parts of `size` bytes that hold nothing but zeros."""
    parts = np.frombuffer(data, np.uint8, len(data) // size * size).reshape(-1, size)
    begin_so = np.flatnonzero(parts[:, 0] == 0)  # most do not, and need no other look
    return begin_so[~parts[begin_so].any(axis=1)]


def _breaks_off(image: Image.Image, format: str) -> bool:
    """Tell whether the picture ends, in the order in which it is stored, with pixels of one level
    that begin in the middle of a row."""
    width, height = image.size
    if width <= _SHORTEST_TAIL or height < 2:
        return False
    if _is_all_zeros(image):
        return True
    if _may_end(image, height - 1) and _ends_abruptly(image, upwards=False):
        return True
    upwards = format in _UPWARDS and _may_end(image, 0)
    return upwards and _ends_abruptly(image, upwards=True)


def _is_all_zeros(image: Image.Image) -> bool:
    """Tell of a picture of which nothing was written but its header. Index 0 of a palette is a
    colour as any other, and where alpha was added to such colours nothing of them is seen."""
    ends = (image.getpixel(place) for place in ((0, 0), (image.width - 1, image.height - 1)))
    written = any(np.any(pixel) for pixel in ends)  # which all others need not be looked at for
    return image.mode != "P" and not written and not image.getbbox(alpha_only=False)


def _may_end(image: Image.Image, row: int) -> bool:
    """Look at one row, before any other is, and at two of its pixels before all."""
    last, before = (image.getpixel((image.width - back, row)) for back in (1, _SHORTEST_TAIL))
    if not np.any(np.asarray(last) == np.asarray(before)):
        return False
    samples = np.asarray(image.crop((0, row, image.width, row + 1)))[0, -_SHORTEST_TAIL:]
    return bool(np.atleast_1d((samples == samples[-1]).all(axis=0)).any())


def _ends_abruptly(image: Image.Image, *, upwards: bool) -> bool:
    bands = len(image.getbands())
    return any(_rows_end_abruptly(_last_rows(image, band, upwards)) for band in range(bands))


def _last_rows(image: Image.Image, band: int, upwards: bool) -> Rows:
    """Rows of a band in the order in which they are stored: those of one level at the end and some
    above, so that a large picture is not copied for a few of its rows."""
    height, count = image.height, _ROWS_AT_FIRST
    while True:
        count = min(count, height)
        top = 0 if upwards else height - count
        part = image.crop((0, top, image.width, top + count))
        rows = np.asarray(part if len(part.getbands()) == 1 else part.getchannel(band))
        rows = rows[::-1] if upwards else rows
        if count == height or (rows[_ROWS_OF_BLOCK:] != rows[-1, -1]).any():
            return rows
        count *= 4


def _rows_end_abruptly(rows: Rows) -> bool:
    level = rows[-1, -1]
    row = len(rows) - 1
    while row >= 0 and (rows[row] == level).all():
        row -= 1
    if row < 1:
        return False
    others = np.flatnonzero(rows[row] != level)
    at = int(others[-1]) + 1  # where the tail begins
    length = rows.shape[1] * (len(rows) - row) - at
    if at == rows.shape[1] or length < _SHORTEST_TAIL:
        return False  # a border, or too little to tell
    if (rows[row, :at] != level).mean() < _MOST:
        return False
    above = (rows[max(row - up, 0), at:] for up in (1, _ROWS_OF_BLOCK))
    return any((part != level).mean() >= _MOST for part in above)
