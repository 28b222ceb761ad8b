"""Pictures that version 0.1.0 may have prepared wrongly, and those that it did.

A ledger tells which of its preparations have to be made again: by formats, sizes and flags, so that
no photograph is read for it. The new preparation tells by its own flags which rule has changed;
that its bytes differ is for the caller to see (`content_id`).
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.sizing import MIN_SENT_SIDE
from pipeline.records import PreparedImage, RejectedImage

_DOUBTFUL = frozenset({"PNG", "GIF", "BMP", "TIFF", "WebP", "AVIF", "HEIC", "JPEG XL", "SVG"})
_REFUSED_RIGHTLY = frozenset({"damaged", "truncated", "too_thin"})
_FORMATS_OF_THE_LAST = frozenset({"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF"})
_EXPONENT = "gamma_converted"
_KIND_OF_FLAG = {
    "contrasting_background": "hidden by the background",
    "blank": "shows nothing",
    "range_stretched": "sample range",
    "hdr_converted": "HDR",
    "colours_converted": "wide colours",
    "alpha_ignored": "alpha of zeros",
    "colour_key": "colour key",
    "palette_exceeded": "palette",
    "partial_frame": "small first frame",
    "samples_converted": "sample layout",
    "plain_picture_left_out": "another frame",
    _EXPONENT: "exponent",
}
_FRAME, _FIRST_FRAME, _LAST_FRAME = "frame_", "first_frame", "last_frame"


class FormerPreparation(Struct, frozen=True):
    """Record in a ledger of a picture that the last version prepared.

    Attributes:
        format: of the original, as sniffed; None when it was sent as its address.
        source, sent: width and height in pixels, of the original and of what was sent.
        flags: what was done to it.
    """

    format: str | None
    source: tuple[int, int]
    sent: tuple[int, int]
    flags: tuple[str, ...] = ()


def may_be_stale(
    former: FormerPreparation, least: int = MIN_SENT_SIDE, *, thorough: bool = False
) -> bool:
    """Tell whether the original has to be prepared again to know; `least` is `min_sent_side`.

    Photographs in JPEG and RAW are in doubt only as strips: scans that are missing would take a
    look into each file, which `thorough` asks for.
    """
    if former.format is None:
        return False
    return former.format in _DOUBTFUL or _is_thin(former, least) or thorough


def stale_kind(former: FormerPreparation, again: PreparedImage | RejectedImage) -> str:
    """Name what the last version did wrongly in a few words, "" when `again` is by the same rules.

    Bytes that differ all the same are those of another encoder, and no reason to pay.
    """
    if isinstance(again, RejectedImage):
        return _kind_of_refusal(former, again)
    if _is_thin(former, min(again.width, again.height)):
        return "thin strip"
    new = [flag for flag in again.flags if flag not in former.flags]
    kinds = [_KIND_OF_FLAG[flag] for flag in new if flag in _KIND_OF_FLAG]
    if not kinds and _EXPONENT in former.flags and _EXPONENT not in again.flags:
        kinds = [_KIND_OF_FLAG[_EXPONENT]]  # a profile decides
    if not kinds and (any(flag.startswith(_FRAME) for flag in new) or _was_the_last(former, new)):
        kinds = ["another frame"]
    return kinds[0] if kinds else ""


def _was_the_last(former: FormerPreparation, new: list[str]) -> bool:
    """Recognise an animation (JPEG XL) whose last frame was sent instead of its first."""
    return _LAST_FRAME in former.flags and _FIRST_FRAME in new


def _is_thin(former: FormerPreparation, least: int) -> bool:
    """Tell whether it was sent thinner than its source allows, up to `least` pixels."""
    return min(former.sent) < min(least, *former.source)


def _kind_of_refusal(former: FormerPreparation, again: RejectedImage) -> str:
    """Kind of what is refused by now: not for what may pass, nor for a limit or a package."""
    code = again.rejection.code
    if code == "unsupported_format" and former.format in _FORMATS_OF_THE_LAST:
        return "unsupported format"
    return code.replace("_", " ") if code in _REFUSED_RIGHTLY else ""
