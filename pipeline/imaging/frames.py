"""Choice of the picture that is sent of a file that holds several."""

from __future__ import annotations

from typing import Any

from PIL import Image

from pipeline.core.recipe import JPEG_2000_SAMPLES, JXL_FRAMES, Frame, Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jpeg2000_samples import Jpeg2000SamplesImage, is_read_wrongly
from pipeline.imaging.jxl_frames import count_jxl_frames, jxl_frame
from pipeline.imaging.jxl_header import read_jxl_header
from pipeline.imaging.pam import PAM, PamImage
from pipeline.imaging.plugins import open_image
from pipeline.imaging.tiff_image import TiffSamplesImage, may_be_read, needs_own_reader
from pipeline.imaging.tiff_pages import TiffPage, pages
from pipeline.imaging.translation import refusal_of

_TIFF = b"MM\0*"  # a PSD of sixteen bits, as `psd_channels` gives it
_PIECES = frozenset({"PSD"})  # formats whose frames are layers of one picture


def open_frame(data: bytes, format: str, recipe: Recipe) -> tuple[Image.Image, tuple[str, ...]]:
    """File at the frame that `recipe` asks for, or at its last one, with the flag that says which
    it is.

    Of the pages of a TIFF only pictures count: no smaller copies and no masks.

    Raises:
        Refusal: a page of a TIFF cannot be read; Pillow raises much else.
    """
    frame = recipe.frame
    if format == "TIFF" or (format == "PSD" and data.startswith(_TIFF)):
        return _open_page(data, frame)
    if format == "PNM" and data.startswith(PAM):
        return PamImage(data), ()
    image = open_image(data, format)
    if format == "JPEG 2000" and is_read_wrongly(data):
        return Jpeg2000SamplesImage(data, image, JPEG_2000_SAMPLES in recipe.formats), ()
    if format == "JPEG XL" and JXL_FRAMES in recipe.formats and read_jxl_header(data).animated:
        return _open_jxl_frame(data, frame, image)
    if image.format in _PIECES or not getattr(image, "is_animated", False):
        return image, ()
    if frame == 0:
        return image, ("first_frame",)
    chosen = _chosen(getattr(image, "n_frames", 1), frame)
    image.seek(chosen)
    return image, (f"frame_{chosen}",)


def count_frames(image: Image.Image, data: bytes, format: str) -> int:
    """Number of frames, or of the pages of a TIFF that are pictures.

    Raises:
        Refusal: a page cannot be read; Pillow raises much else.
    """
    if format == "TIFF":
        return len(_pictures(data))
    return int(getattr(image, "n_frames", 1))


def _chosen(count: int, frame: Frame) -> int:
    return count // 2 if frame == "middle" else min(frame, count - 1)


def _open_jxl_frame(
    data: bytes, frame: Frame, last: Image.Image
) -> tuple[Image.Image, tuple[str, ...]]:
    count = count_jxl_frames(data)
    if count < 2:
        return last, ()
    chosen = _chosen(count, frame)
    image: Any = last if chosen == count - 1 else jxl_frame(data, chosen, last)
    image.n_frames = count
    return image, (f"frame_{chosen}",) if chosen else ("first_frame",)


def _open_page(data: bytes, frame: Frame) -> tuple[Image.Image, tuple[str, ...]]:
    if frame == 0 and (image := _usual_page(data)) is not None:
        return image, ("first_frame",) if image.tag_v2.next else ()
    number, page, alone = _first_picture(data) if frame == 0 else _picture(data, frame)
    flags: tuple[str, ...] = (f"frame_{number}",) if number else ("first_frame",)
    flags = () if alone else flags
    if needs_own_reader(page):
        return TiffSamplesImage(data, page), flags
    try:
        image = open_image(data, "TIFF")
        if number:
            image.seek(number)
    except Exception as error:
        # Pillow knows the layouts that it reads by a list, and says no more of others
        if refusal_of(error).code != "unsupported_format" or not may_be_read(page):
            raise
        return TiffSamplesImage(data, page), flags
    return image, flags


def _usual_page(data: bytes) -> Any:
    """First page when it is a picture that Pillow reads right, so that nothing else has to be
    looked at, None otherwise."""
    try:
        image: Any = open_image(data, "TIFF")
    except Exception:  # noqa: BLE001 (what is wrong is said by those who look closer)
        return None
    page = TiffPage(image.tag_v2, "<" if data[:2] == b"II" else ">")
    return image if page.is_picture and not needs_own_reader(page) else None


def _first_picture(data: bytes) -> tuple[int, TiffPage, bool]:
    """Number of the first page that is a picture, the page, and whether it is the only page."""
    first: TiffPage | None = None
    for number, page in enumerate(pages(data)):
        first = first or page
        if page.is_picture:
            return number, page, not number and not page.directory.next
    if first is None:
        raise Refusal("damaged", "it has no page")
    return 0, first, not first.directory.next


def _picture(data: bytes, frame: Frame) -> tuple[int, TiffPage, bool]:
    """Number of the page that is asked for, the page, and whether it is the only page."""
    pictures = _pictures(data)
    number, page = pictures[_chosen(len(pictures), frame)]
    return number, page, len(pictures) == 1 and not number and not page.directory.next


def _pictures(data: bytes) -> list[tuple[int, TiffPage]]:
    every = list(enumerate(pages(data)))
    pictures = [(number, page) for number, page in every if page.is_picture] or every
    if not pictures:
        raise Refusal("damaged", "it has no page")
    return pictures
