"""Deflated strips of a TIFF, unpacked once with ISA-L, which is quicker than libtiff and looks at
their checksums as well.
"""

from __future__ import annotations

import io
from typing import Any, cast

import numpy as np
from isal import isal_zlib
from PIL import Image

from pipeline.imaging.tiff_pages import TiffPage, strip_sizes, strips

_ZLIB = frozenset({8, 32946})
_ZLIB_ERROR = cast(type[Exception], isal_zlib.error)
_BANDS = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBX": 4, "RGBA": 4, "CMYK": 4}  # by layout
_NONE, _DIFFERENCES = 1, 2
_FILL_ORDER = 266
_MOST_BYTES = 32_000_000  # unpacked: it is held twice beside the pixels, which libtiff does not do


def load_inflated(image: Image.Image, data: bytes) -> bool:
    """Load a page of samples of eight bits; False, and nothing is done, when it is another one, a
    large one, or when anything is wrong with its strips."""
    tiff: Any = image
    if not hasattr(tiff, "tag_v2"):
        return False
    page = TiffPage(tiff.tag_v2, "<")
    layout = tiff.tile[0].args[0] if len(tiff.tile) == 1 else ""
    if not _is_usual(page, layout) or image.size != (page.number(256, 0), page.number(257, 0)):
        return False
    if image.width * image.height * _BANDS[layout] > _MOST_BYTES:
        return False
    try:
        parts = [_inflated(strip) for strip in strips(page, data)]
    except _ZLIB_ERROR:
        return False
    if [len(part) for part in parts] != list(strip_sizes(page)):
        return False
    if page.number(317, _NONE) == _DIFFERENCES:
        parts = [_summed(b"".join(parts), image.size, _BANDS[layout])]
    # behind the file as it is, in which Pillow looks for EXIF while it loads
    tiff.fp, tiff.use_load_libtiff = io.BytesIO(b"".join((data, *parts))), False
    raw = tiff.tile[0]._replace(codec_name="raw", offset=len(data), args=(layout, 0, 1))
    tiff.tile = [raw]
    image.load()
    return True


def _is_usual(page: TiffPage, layout: str) -> bool:
    return (
        page.number(259, _NONE) in _ZLIB
        and layout in _BANDS
        and set(page.numbers(258, (1,))) == {8}
        and page.number(277, 1) == _BANDS[layout]
        and page.number(317, _NONE) in (_NONE, _DIFFERENCES)
        and not page.directory.keys() & {322, _FILL_ORDER}
        and page.number(284, 1) == 1
    )


def _inflated(strip: bytes) -> bytes:
    """Unpacked strip, b"" where it is cut."""
    unpacking = isal_zlib.decompressobj()
    plain = bytes(unpacking.decompress(strip))
    return plain if unpacking.eof else b""


def _summed(plain: bytes, size: tuple[int, int], bands: int) -> bytes:
    """Samples of differences along each row."""
    steps = np.frombuffer(plain, np.uint8).reshape(size[1], size[0], bands)
    return np.cumsum(steps, axis=1, dtype=np.uint8).tobytes()
