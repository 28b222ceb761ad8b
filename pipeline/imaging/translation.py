"""Exceptions of libraries over hostile bytes, as refusals in plain words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from pipeline.imaging.decoder import Refusal

# parts of the libraries' messages, in lower case
_MEMORY = (
    *("out of memory", "memory allocation", "allocate memory", "insufficient memory"),
    "failed to map segment",  # of a library that is loaded when first needed
)
_TRUNCATED = ("truncated", "end of file", "end of data", "incomplete", "insufficient", "not enough")
_BEYOND = (
    "unsupported",
    "not supported",
    "not implemented",
    "unknown pixel",
    "unknown data",
    "unknown pcx mode",
)
_TOO_LARGE = ("image size limit", "size too large", "security limit", "too big")
_SILENT = "build `libjxl`"  # pillow_jxl's advice to developers, whatever was wrong
_PANIC = "PanicException"  # of libraries in Rust; it is no Exception, and has no public name


@contextmanager
def translated() -> Iterator[None]:
    """Translate libraries' exceptions into refusals, and ignore their warnings.

    Raises:
        Refusal: for whatever a library raised.
        MemoryError: as it came.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (Refusal, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        raise refusal_of(error) from error


def refusal_of(error: BaseException) -> Refusal:
    """Library's exception as a reason: parsers raise anything on hostile bytes."""
    if isinstance(error, Image.DecompressionBombError):
        return Refusal("too_many_pixels", str(error))
    text = str(error).split(" <", maxsplit=1)[0]  # no addresses of objects
    if isinstance(error, LookupError) or not text:
        text = f"{type(error).__name__} {text}".rstrip()
    if text.isdigit():
        text = f"entry {text} is missing"  # a KeyError as Pillow passes it on
    if _SILENT in text:
        text = "libjxl does not say what is wrong"
    words = text.lower()
    if any(hint in words for hint in _MEMORY) and not any(hint in words for hint in _TOO_LARGE):
        return Refusal("out_of_memory", text)
    if isinstance(error, EOFError) or any(hint in words for hint in _TRUNCATED):
        return Refusal("truncated", text)
    if any(hint in words for hint in _TOO_LARGE):
        return Refusal("too_many_pixels", text)
    if isinstance(error, NotImplementedError | ImportError) or any(
        hint in words for hint in _BEYOND
    ):
        return Refusal("unsupported_format", text)
    return Refusal("damaged", text)
