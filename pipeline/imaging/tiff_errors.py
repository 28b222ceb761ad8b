"""Errors of libtiff over a TIFF's pixels, which Pillow does not pass on.

libtiff writes its errors to standard error and goes on with the next line; Pillow takes whatever
pixels it gets. JPEG strips come from libjpeg, whose warnings are dropped on the way: those are
decoded here once more, strictly.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import simplejpeg
from PIL import Image, ImageChops

from pipeline.imaging.decoder import Refusal

_STDERR = 2
_ABOUT_PIXELS = re.compile(
    r"Decode\w*:|JPEGLib|not yet in table|[Nn]ot enough data|[Cc]orrupt|at scanline|Read error"
)
_COMPRESSION, _NONE, _JPEG = 259, 1, 7
_PARTS = ((273, 279), (324, 325))  # offsets and lengths of strips, of tiles
_TABLES = 347
_END = b"\xff\xd9"
_END_BYTES = 2  # of a marker
_EIGHTH = 8
_FAXES = {2: "tiff_ccitt", 3: "group3", 4: "group4"}
_FAX_TAGS = (266, 292)  # order of bits, options
_PHOTOMETRIC, _BLACK_IS_ZERO = 262, 1
_ROWS_PER_STRIP = 278
_redirecting = threading.Lock()


@contextmanager
def heard_out(image: Image.Image, data: bytes) -> Iterator[None]:
    """Load the current page of a TIFF inside; what libtiff finds wrong with its pixels raises.

    Raises:
        Refusal: `damaged`, with libtiff's words.
    """
    compression = getattr(image, "tag_v2", {}).get(_COMPRESSION, _NONE)
    if compression == _NONE:
        yield
        return
    parts = list(_jpeg_parts(image, data)) if compression == _JPEG else []
    with _redirecting, tempfile.TemporaryFile(buffering=0) as errors:
        with _standard_error_to(errors.fileno()):
            yield
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
    for line in text.splitlines():
        if _ABOUT_PIXELS.search(line):
            raise Refusal("damaged", line.removeprefix("tempfile.tif: "))
    for part in parts:
        _check_jpeg(part)


@contextmanager
def silenced() -> Iterator[None]:
    """Silence libtiff for the block, which is expected to fail."""
    with (
        _redirecting,
        tempfile.TemporaryFile(buffering=0) as errors,
        _standard_error_to(errors.fileno()),
    ):
        yield


@contextmanager
def _standard_error_to(descriptor: int) -> Iterator[None]:
    try:
        before = os.dup(_STDERR)
    except OSError:  # there is none
        yield
        return
    try:
        os.dup2(descriptor, _STDERR)
        yield
    finally:
        os.dup2(before, _STDERR)
        os.close(before)


def _jpeg_parts(image: Image.Image, data: bytes) -> Iterator[bytes]:
    """Each strip or tile as a JPEG file."""
    tags = getattr(image, "tag_v2", {})
    tables = tags.get(_TABLES, b"")
    if tables and not tables.endswith(_END):
        raise Refusal("damaged", "its JPEG tables have no end")
    for offsets, lengths in _PARTS:
        for at, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False):
            part = data[at : at + length]
            yield tables[:-_END_BYTES] + part[_END_BYTES:] if tables else part


def _check_jpeg(part: bytes) -> None:
    colorspace = "GRAY"
    try:
        _, _, space, _ = simplejpeg.decode_jpeg_header(part)
        colorspace = "CMYK" if space in ("CMYK", "YCCK") else "GRAY"
        simplejpeg.decode_jpeg(part, colorspace, min_factor=_EIGHTH)
    except ValueError as error:
        if re.search("[Cc]orrupt|remature", str(error)):
            raise Refusal("damaged", str(error)) from error


def is_doubtful_fax(image: Image.Image, data: bytes) -> bool:
    """Tell whether a loaded page of fax codes, coded again, gives other bytes than the file has.

    libtiff keeps quiet about lines that are too long or too short. Encoders differ little, mostly
    in what they fill up with, so that this is a doubt and no proof.
    """
    tags = getattr(image, "tag_v2", {})
    name = _FAXES.get(tags.get(_COMPRESSION, _NONE))
    if name is None or image.mode != "1" or image.size != (tags.get(256), tags.get(257)):
        return False
    info = {tag: tags[tag] for tag in _FAX_TAGS if tag in tags} | {_PHOTOMETRIC: _BLACK_IS_ZERO}
    if tags.get(_PHOTOMETRIC) != _BLACK_IS_ZERO:  # where Pillow turns each pixel by itself
        image = ImageChops.invert(image)
    rows = tags.get(_ROWS_PER_STRIP, image.height)
    strips = zip(tags.get(_PARTS[0][0], ()), tags.get(_PARTS[0][1], ()), strict=False)
    for number, (at, length) in enumerate(strips):
        top = number * rows
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        if _coded(strip, name, info).rstrip(b"\0") != data[at : at + length].rstrip(b"\0"):
            return True
    return False


def _coded(strip: Image.Image, name: str, info: dict[int, object]) -> bytes:
    file = io.BytesIO()
    strip.save(file, "TIFF", compression=name, tiffinfo=info | {_ROWS_PER_STRIP: strip.height})
    file.seek(0)
    with Image.open(file) as again:
        tags = again.tag_v2  # type: ignore[attr-defined]
        coded = file.getvalue()
        parts = zip(tags[_PARTS[0][0]], tags[_PARTS[0][1]], strict=True)
        return b"".join(coded[at : at + length] for at, length in parts)
