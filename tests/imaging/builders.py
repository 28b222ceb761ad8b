"""Files that Pillow cannot write: deep and interlaced PNG, deep TIFF, colour profiles."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

Array = np.ndarray


def png(
    samples: Array,
    colour_type: int,
    bits: int,
    chunks: Iterable[tuple[bytes, bytes]] = (),
    interlaced: bool = False,
) -> bytes:
    """A PNG of `samples` (height x width x channels, one byte or two a sample, bits 8 or 16)."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    passes = _adam7(samples) if interlaced else [samples]
    raw = b"".join(b"\0" + _big(row) for part in passes for row in part)
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in body)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _adam7(samples: Array) -> list[Array]:
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    parts = [samples[top::down, left::right] for top, left, down, right in (*starts, (1, 0, 2, 1))]
    return [part for part in parts if part.size]


def _big(row: Array) -> bytes:
    return row.astype(row.dtype.newbyteorder(">")).tobytes()


def tiff(samples: Array, photometric: int, sample_format: int = 1, order: str = "<") -> bytes:
    """An uncompressed TIFF of one strip; `samples` is height x width x channels of any dtype."""
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    pixels = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, [8]),
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [len(pixels)]),
        (284, 3, [1]),
        *([(338, 3, [2])] if channels in (2, 4) and photometric != 5 else []),
        (339, 3, [sample_format] * channels),
    ]
    directory = 8 + len(pixels) + len(pixels) % 2
    extra_at = directory + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for tag, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'HI'[kind == 4]}", *values)
        if len(packed) > 4:
            entries += struct.pack(f"{order}HHII", tag, kind, len(values), extra_at + len(extra))
            extra += packed
        else:
            entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", directory)
    count = struct.pack(f"{order}H", len(tags))
    padding = b"\0" * (len(pixels) % 2)
    return head + pixels + padding + count + entries + struct.pack(f"{order}I", 0) + extra


def exif(orientation: int, order: str = "MM", gps: bytes = b"") -> bytes:
    """An EXIF block (from its TIFF header on) with an orientation and perhaps a GPS directory."""
    sign = ">" if order == "MM" else "<"
    entries = [struct.pack(f"{sign}HHIHH", 0x0112, 3, 1, orientation, 0)]
    gps_at = 8 + 2 + 12 * 2 + 4
    if gps:
        entries.append(struct.pack(f"{sign}HHII", 0x8825, 4, 1, gps_at))
    head = (b"MM\0*" if order == "MM" else b"II*\0") + struct.pack(f"{sign}I", 8)
    body = head + struct.pack(f"{sign}H", len(entries)) + b"".join(entries) + bytes(4)
    if gps:
        place = struct.pack(f"{sign}HHHII", 1, 0x001D, 2, len(gps), gps_at + 18)
        body += place + bytes(4) + gps
    return body


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    """One marker segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """`jpeg` with segments right after its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def rgb_profile(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    """An ICC profile of three colorants (XYZ at D50) and one gamma."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = {
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
        **{name: _xyz(p) for name, p in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    return _profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """An ICC profile for one channel."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(b"GRAY", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": curve})


def cmyk_profile(swap: bool = False) -> bytes:
    """A crude ICC profile of inks: a table of 2 x 2 x 2 x 2 corners, each a Lab colour.

    With `swap`, cyan and yellow ink have each other's colours, so that nobody can overlook
    whether the profile was used.
    """
    corners = []
    for index in range(16):
        c, m, y, k = ((index >> shift) & 1 for shift in (3, 2, 1, 0))
        corners.append(_lab(y, m, c, k) if swap else _lab(c, m, y, k))
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i in (0, 4, 8) else 0 for i in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + ramp * 4
    table += b"".join(corners) + ramp * 3
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"A2B0": table, b"A2B1": table}
    return _profile(b"CMYK", b"Lab ", tags)


def _lab(c: int, m: int, y: int, k: int) -> bytes:
    lightness = (1 - k) * (1 - 0.38 * c - 0.42 * m - 0.05 * y)
    a = (1 - k) * (-40 * c + 70 * m - 5 * y)
    b = (1 - k) * (-45 * c - 10 * m + 85 * y)
    values = (255 * max(lightness, 0), a + 128, b + 128)
    return bytes(min(255, max(0, round(v))) for v in values)


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"lcms", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data
