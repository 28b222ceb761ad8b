"""What libraries raise, in plain words."""

from __future__ import annotations

import warnings

import pytest
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.translation import refusal_of, translated


class PanicException(BaseException):
    """What a panic in Rust is in Python."""


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (OSError("image file is truncated (3 bytes)"), "truncated", "image file is truncated"),
        (EOFError(), "truncated", "EOFError"),
        (KeyError(7), "damaged", "KeyError 7"),
        (SyntaxError("9"), "damaged", "entry 9 is missing"),
        (NotImplementedError("mode"), "unsupported_format", "mode"),
        (ImportError("libgomp.so.1"), "unsupported_format", "libgomp.so.1"),
        (ValueError("bad"), "damaged", "bad"),
        (OSError("cannot read <_io.BytesIO object at 0x7>"), "damaged", "cannot read"),
        (RuntimeError("Please build `libjxl` from source"), "damaged", "libjxl does not say"),
        (Image.DecompressionBombError("large"), "too_many_pixels", "large"),
        (PanicException("range end"), "damaged", "range end"),
        (ValueError("Pixel allocation failed: Out of memory"), "out_of_memory", "Pixel"),
        (OSError("Insufficient memory (case 4)"), "out_of_memory", "Insufficient"),
        (ImportError("a.so: failed to map segment from shared object"), "out_of_memory", "a.so"),
        (ValueError("Memory allocation error: Security limit exceeded"), "too_many_pixels", "Mem"),
    ],
)
def test_every_exception_becomes_a_refusal(error: BaseException, code: str, detail: str) -> None:
    with pytest.raises(Refusal) as refusal, translated():
        raise error
    assert refusal.value.code == code == refusal_of(error).code
    assert refusal.value.detail.startswith(detail)


@pytest.mark.parametrize("error", [MemoryError(), Refusal("damaged"), KeyboardInterrupt()])
def test_what_is_meant_for_others_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as passed, translated():
        raise error
    assert passed.value is error


def test_warnings_are_not_passed_on() -> None:
    with translated():
        warnings.warn("metadata", stacklevel=1)
