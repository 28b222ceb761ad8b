"""Page of a TIFF as an image of Pillow's, read by `tiff_samples` where Pillow cannot read it right.

Bands: grey is the first one, red, green and blue (or four inks) are the first ones, transparency is
the first further one that is said to be it. Others are not shown: "bands_ignored".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from pipeline.imaging.modes import to_plain
from pipeline.imaging.resize import turn
from pipeline.imaging.sample_range import Declared, Samples, to_eight_bits
from pipeline.imaging.tiff_pages import TiffPage
from pipeline.imaging.tiff_samples import layout_of, read_samples

_COLOURS = {0: 1, 1: 1, 2: 3, 5: 4}  # by photometric interpretation
_WHITE_IS_ZERO, _INKS = 0, 5
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_TURNED = 5  # from this orientation on, width and height change places
_PROFILE = 34675
_DARK_HIGH_BYTE = 64  # no sample of at most 14 bits has more
_PILLOW_UNPACKS = frozenset({6, 7, 34712, 33003, 33005})  # JPEG and its like
_FAXES = frozenset({2, 3, 4, 32771})


class TiffSamplesImage(Image.Image):
    """Page whose samples are read when it is loaded, turned upright.

    Attributes:
        flags: what was done to its samples; meaningful after loading.
    """

    format = "TIFF"
    format_description = "TIFF"

    def __init__(self, data: bytes, page: TiffPage) -> None:
        """Read the layout.

        Raises:
            Refusal: the page cannot be read.
        """
        super().__init__()
        self._data, self._page = data, page
        layout = layout_of(page)
        size = layout.width, layout.height
        self._size = size[::-1] if page.number(274, 1) >= _TURNED else size
        self._mode = _MODES[_COLOURS[page.number(262, 1)]]
        self.flags: tuple[str, ...] = ()
        self._loaded = False
        profile = page.directory.get(_PROFILE)
        if isinstance(profile, bytes):
            self.info["icc_profile"] = profile

    def load(self) -> Any:
        """Read the samples.

        Raises:
            Refusal: they are cut or damaged.
        """
        if not self._loaded:
            image, flags = plain_page(self._data, self._page)
            upright = _upright(image, self._page)
            self.im, self._mode, self._loaded = upright.im, upright.mode, True
            self.flags = ("samples_converted", *flags)
        return super().load()


def needs_own_reader(page: TiffPage) -> bool:
    """Tell whether Pillow reads the samples of a page wrongly: planes of more than eight bits or
    of other than three or four bands, samples that are no whole bytes, and compressed ones that it
    takes for big-endian when libtiff has turned them already."""
    if page.number(262, -1) not in _COLOURS or page.number(259, 1) in _PILLOW_UNPACKS | _FAXES:
        return False
    bits, bands = page.number(258, 1), page.number(277, 1)
    planar = page.number(284, 1) == 2 and bands > 1
    extra = page.numbers(338)
    usual = bits == 8 and bands - len(extra) in (3, 4) and len(extra) < 2
    turned = page.order == ">" and page.number(259, 1) != 1
    turned = turned and (bits > 16 or page.number(339, 1) != 1)
    return 8 < bits < 16 or turned or (planar and not usual)


def may_be_read(page: TiffPage) -> bool:
    """Tell whether its colours are some that are read here."""
    return page.number(262, -1) in _COLOURS


def plain_page(data: bytes, page: TiffPage) -> tuple[Image.Image, tuple[str, ...]]:
    """Page in mode L, RGB, RGBA or CMYK, not turned, with flags when its range was guessed or
    bands were left out.

    Raises:
        Refusal: it is cut or damaged, or cannot be read.
    """
    photometric = page.number(262, 1)
    colours, layout = _COLOURS[photometric], layout_of(page)
    alpha, kind = _alpha(page, colours, layout.bands)
    samples = read_samples(data, page, max(colours, alpha + 1))
    if 8 < layout.bits < 16:
        samples = samples << (16 - layout.bits) | samples >> (2 * layout.bits - 16)
    known = 8 < layout.bits < 16 or photometric == _INKS or _PROFILE in page.directory
    eight, flags = to_eight_bits(samples[..., :colours], Declared(declared_bits(page), known))
    if photometric == _WHITE_IS_ZERO:
        eight = 255 - eight
    if layout.bands > colours + (alpha > 0):
        flags += ("bands_ignored",)
    image = _image(eight)
    if alpha > 0 and image.mode != "CMYK":
        return _with_alpha(image, samples[..., alpha], kind), flags
    return image, flags


def declared_bits(page: TiffPage) -> int | None:
    """Bits of the greatest value that a page says its samples have, None when it does not."""
    most = page.number(281, 0) or page.number(341, 0)
    return most.bit_length() if most > 0 else None


def plain_tiff(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Loaded page in a plain mode, with flags. Of sixteen bits in colours Pillow gives the upper
    eight, which of a dark picture are next to nothing: it is read again."""
    if isinstance(image, TiffSamplesImage):
        return image.convert("RGB") if image.mode == "RGBX" else image, image.flags
    page = TiffPage(getattr(image, "tag_v2"), "<" if data[:2] == b"II" else ">")  # noqa: B009
    plain, flags = to_plain(image, Declared(declared_bits(page), "icc_profile" in image.info))
    if image.mode not in ("RGB", "RGBA") or page.number(258, 8) != 16:
        return plain, flags
    bright = np.asarray(image)[..., :3].max(initial=0) >= _DARK_HIGH_BYTE
    if bright or page.number(259, 1) in _PILLOW_UNPACKS:
        return plain, flags
    again, flags = plain_page(data, page)
    return (_upright(again, page) if "range_stretched" in flags else plain), flags


def _alpha(page: TiffPage, colours: int, bands: int) -> tuple[int, int]:
    """Place among the bands and kind of the first transparency, (0, 0) without one."""
    for place, kind in enumerate(page.numbers(338), colours):
        if kind in (_ASSOCIATED, _UNASSOCIATED) and place < bands:
            return place, kind
    return 0, 0


def _upright(image: Image.Image, page: TiffPage) -> Image.Image:
    """Image turned by its orientation, as Pillow turns those that it loads."""
    orientation = page.number(274, 1)
    if orientation not in range(2, 9):
        return image
    return Image.fromarray(turn(np.asarray(image), orientation), image.mode)


def _image(eight: Samples) -> Image.Image:
    bands = eight.shape[2]
    if bands == 1:
        return Image.fromarray(np.ascontiguousarray(eight[..., 0]))
    return Image.fromarray(np.ascontiguousarray(eight), _MODES[bands])


def _with_alpha(image: Image.Image, alpha: Samples, kind: int) -> Image.Image:
    mode = "RGBa" if kind == _ASSOCIATED else "RGBA"
    bands = (*image.convert("RGB").split(), Image.fromarray(_opacity(alpha)))
    return Image.merge(mode, bands).convert("RGBA")


def _opacity(alpha: Samples) -> Samples:
    """Transparency in eight bits: it fills its kind of number, floats go to 1."""
    most = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    shares = np.clip(np.nan_to_num(alpha.astype(np.float32) / most), 0, 1)
    return np.asarray(np.round(shares * 255).astype(np.uint8))
