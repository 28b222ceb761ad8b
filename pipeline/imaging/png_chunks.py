"""Chunks of a PNG, judged as libpng judges them (PNG specification, third edition).

Pillow looks at no checksum of pixels, passes over chunks without which the picture is another one,
and refuses a file for the checksum of its comments.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from isal import isal_zlib
from PIL import Image

from pipeline.imaging.decoder import Refusal

_SIGNATURE = 8
_SHAPES_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"tRNS"})
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TELLING_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # which way is up
_HEADER_BYTES = 13
_INDEXED = 3  # colour type
_MOST_INDEX = 255
_PALETTE_BYTES = 3 * (_MOST_INDEX + 1)


def check_png(data: bytes) -> tuple[Refusal | None, bytes]:
    """First fault of the chunks that shape pixels, and the file as Pillow shall see it.

    That is without broken other chunks, without texts, which may unpack to gigabytes, with what
    tells which way is up before the pixels, and with a palette in which an index beyond its end is
    black, as libpng has it. A file that just ends is not judged here: the decoder notices that.
    """
    fault: Refusal | None = None
    parts, moved, start, colour, seen = [], [], 0, -1, set[bytes]()
    for at, kind, end in png_parts(data):
        sound = _is_sound(data, at, end)
        if not seen and kind == b"IHDR":
            colour = data[at + 17]
        fault = fault or _fault(data, at, kind, end, sound, colour, seen)
        if kind == b"PLTE" and colour == _INDEXED and sound and end - at - 12 < _PALETTE_BYTES:
            parts += [
                data[start:at],
                png_part(kind, data[at + 8 : end - 4].ljust(_PALETTE_BYTES, b"\0")),
            ]
            start = end
        elif kind[:1].islower() and kind != b"tRNS" and _is_left_out(data, at, kind, sound):
            parts.append(data[start:at])
            start = end
        elif b"IDAT" in seen and (kind in _TEXTS or kind == b"eXIf"):
            moved.append(data[at:end])
        seen.add(kind)
    plain = b"".join((*parts, data[start:])) if parts else data
    return fault, _with_first(plain, moved) if moved else plain


def largest_png(icon: bytes) -> bytes:
    """Largest picture of an icon when it is a PNG, else b""."""
    count = min(int.from_bytes(icon[4:5]), 64)
    entries = [icon[at : at + 16] for at in range(6, 6 + 16 * count, 16)]
    if not entries or len(entries[-1]) < 16:  # none, or a directory that is cut
        return b""
    largest = max(entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[6:8]))
    length, at = (int.from_bytes(largest[k : k + 4], "little") for k in (8, 12))
    png = icon[at : at + length]
    return png if png.startswith(b"\x89PNG") else b""


def exceeds_palette(image: Image.Image, data: bytes) -> bool:
    """Tell whether a loaded PNG of this file has an index beyond the end of its palette."""
    if image.mode != "P":
        return False
    entries = next((end - at - 12 for at, kind, end in png_parts(data) if kind == b"PLTE"), 0) // 3
    if entries > _MOST_INDEX:
        return False
    highest = image.getextrema()[1]
    return isinstance(highest, int) and highest >= entries > 0


def _fault(
    data: bytes, at: int, kind: bytes, end: int, sound: bool, colour: int, seen: set[bytes]
) -> Refusal | None:
    if not seen and kind != b"IHDR" and kind in _CRITICAL:
        return Refusal("damaged", "its first chunk is not IHDR")
    if kind[:1].isupper() and kind.isalpha() and kind not in _CRITICAL:
        name = kind.decode("ascii")
        return Refusal("unsupported_format", f"a PNG with a critical chunk {name}")
    if kind in _SHAPES_PIXELS and not sound:
        name = kind.decode("ascii")
        return Refusal("damaged", f"the checksum of a chunk {name} is wrong")
    length = end - at - 12
    if kind == b"IHDR" and (length != _HEADER_BYTES or data[at + 18] or data[at + 20] > 1):
        return Refusal("damaged", "its header names no known compression or interlacing")
    if colour == _INDEXED and kind == b"PLTE" and (length % 3 or not 3 <= length <= _PALETTE_BYTES):
        return Refusal("damaged", "its palette has an impossible length")
    if colour == _INDEXED and kind == b"IDAT" and b"PLTE" not in seen:
        return Refusal("damaged", "it has no palette before its pixels")
    return None


def _is_sound(data: bytes, at: int, end: int) -> bool:
    stored = int.from_bytes(data[end - 4 : end], "big")
    # ISA-L's: the sum of a photograph is a tenth of its decoding with zlib's
    return isal_zlib.crc32(memoryview(data)[at + 4 : end - 4]) == stored


def _is_left_out(data: bytes, at: int, kind: bytes, sound: bool) -> bool:
    return not sound or (kind in _TEXTS and not data.startswith(_TELLING_TEXTS, at + 8))


def _with_first(data: bytes, chunks: list[bytes]) -> bytes:
    """File with copies of `chunks` behind its header, where later ones still count first."""
    at = _SIGNATURE + _HEADER_BYTES + 12
    return b"".join((data[:at], *chunks, data[at:]))


def png_part(kind: bytes, body: bytes) -> bytes:
    """Chunk with its length and its checksum."""
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")


def png_parts(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Start, kind and end of each whole PNG chunk up to the end chunk."""
    at, kind = _SIGNATURE, b""
    while at + 12 <= len(data) and kind != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if end > len(data):
            return
        yield at, kind, end
        at = end
