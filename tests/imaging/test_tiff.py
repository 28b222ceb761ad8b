"""The first directory of a TIFF."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pipeline.imaging.tiff import first_directory, first_value, is_classic, is_cut_tiff
from tests.imaging import builders
from tests.imaging.drawing import photo


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_are_read_in_either_byte_order(order: str) -> None:
    picture = photo()
    data = builders.tiff(np.asarray(picture), 2, order=order)
    assert first_directory(data)[0] == {"<": "little", ">": "big"}[order]
    assert first_value(data, 256) == picture.size[0]  # a LONG
    assert first_value(data, 262) == 2  # a SHORT
    assert first_value(data, 274) is None
    assert not is_cut_tiff(data)
    assert is_classic(data)


def test_a_directory_that_claims_too_much_ends() -> None:
    tiff = b"II*\0" + struct.pack("<IH", 8, 65535) + struct.pack("<HHII", 1, 4, 1, 7) * 600
    assert first_value(tiff, 1) == 7
    assert first_value(tiff, 2) is None
    assert is_cut_tiff(tiff)


@pytest.mark.parametrize(
    "data", [b"", b"II", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"II+\0" + bytes(9)]
)
def test_nothing_is_found_in_what_is_none(data: bytes) -> None:
    assert first_value(data, 274) is None


def test_a_big_tiff_is_not_read_as_a_classic_one() -> None:
    data = b"II+\0" + bytes(9)
    assert not is_classic(data)
    assert not is_cut_tiff(data)
