"""Why an image can be refused: the whole, fixed set of codes, each in plain words.

A recorded reason is one of these codes and a detail that begins with its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.records import Rejection

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "vanished": "the file is no longer there",
        "unreadable": "the file cannot be read",
        "empty_file": "the file is empty",
        "too_large_file": "the file is larger than allowed",
        "not_an_image": "the file is not an image",
        "unsupported_format": "images of this kind are not supported",
        "too_many_pixels": "the image has more pixels than allowed",
        "too_long_side": "a side of the image is longer than allowed",
        "too_small": "a side of the image is shorter than allowed",
        "truncated": "the file ends too early",
        "damaged": "the image data is damaged",
        "timeout": "preparing the image took longer than allowed",
        "out_of_memory": "preparing the image needs more memory than allowed",
        "crashed": "the image made its worker process crash",
        "internal": "captionmill failed on this image, which is a bug",
    }
)
"""Every code with its plain words."""

_LONGEST_DETAIL = 300


def rejection(code: str, detail: str = "") -> Rejection:
    """A recorded reason: the code's plain words, then what is particular to this image.

    `detail` may be a library's message: control characters and length are cut.
    """
    words = REASONS[code]
    clean = "".join(c if c.isprintable() else " " for c in detail[:_LONGEST_DETAIL]).strip()
    return Rejection(code, f"{words}: {clean}" if clean else words)
