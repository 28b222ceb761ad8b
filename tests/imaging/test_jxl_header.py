"""Header of JPEG XL, read by hand."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jxl_header import JxlHeader, read_jxl_header


def stream(*fields: tuple[int, int]) -> bytes:
    """A codestream that begins with these (value, bits)."""
    value = at = 0
    for field, bits in fields:
        value |= field << at
        at += bits
    return b"\xff\x0a" + value.to_bytes(-(-at // 8) + 8, "little")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


START = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
WIDE = ((0, 1), (0, 2), (99, 9), (7, 3), (0, 1))  # 200 x 100: the ratio 2 : 1; metadata follow


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        (((1, 1), (4, 5), (1, 3), (1, 1)), (40, 40, False)),
        (((1, 1), (4, 5), (0, 3), (1, 5), (1, 1)), (16, 40, False)),
        (((0, 1), (2, 2), (99_999, 18), (0, 3), (0, 2), (6, 9), (1, 1)), (7, 100_000, False)),
        (((0, 1), (0, 2), (119, 9), (3, 3), (1, 1)), (160, 120, False)),
        (((0, 1), (0, 2), (119, 9), (2, 3), (1, 1)), (144, 120, False)),
        ((*WIDE, (0, 1)), (200, 100, False)),
        ((*WIDE, (1, 1), (0, 3), (0, 3)), (200, 100, False)),
        ((*WIDE, (1, 1), (5, 3), (0, 3)), (100, 200, False)),
        ((*WIDE, (1, 1), (2, 3), (0, 2), (1, 1)), (200, 100, True)),
        ((*WIDE, (1, 1), (0, 3), (1, 1), *WIDE[:4], (0, 1), (1, 1)), (200, 100, True)),
    ],
)
def test_sizes_turns_and_animations(
    fields: tuple[tuple[int, int], ...], header: tuple[int, int, bool]
) -> None:
    bare = stream(*fields)
    expected = JxlHeader(*header)
    assert read_jxl_header(bare) == expected
    assert read_jxl_header(START + box(b"Exif", bytes(9)) + box(b"jxlc", bare)) == expected
    parts = box(b"jxlp", bytes(4) + bare[:3]) + box(b"jxlp", b"\x80\0\0\1" + bare[3:])
    assert read_jxl_header(START + parts) == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\x0a", "truncated"),
        (b"\xff\x0a\0", "truncated"),
        (START, "damaged"),
        (START + box(b"jxlc", b"no codestream"), "damaged"),
        (START + b"\0\0\0\3jxlc", "damaged"),
    ],
)
def test_no_header(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_jxl_header(data)
    assert refusal.value.code == code


@given(st.binary(max_size=100))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes) -> None:
    for start in (b"", b"\xff\x0a", START, START + b"\0\0\0\0jxlc\xff\x0a"):
        with contextlib.suppress(Refusal):
            header = read_jxl_header(start + data)
            assert min(header.width, header.height) > 0
