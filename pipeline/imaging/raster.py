"""Most formats in: PNG, WebP, GIF, BMP, TIFF, AVIF through Pillow, others through plugins of it.

The plugin of the sniffed format is called directly: no other parser sees the bytes, and Pillow's
own pixel limit, which warns instead of deciding, is not consulted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from msgspec.structs import replace
from PIL import Image, ImageChops, ImageFile

from pipeline.core.recipe import Recipe
from pipeline.imaging.apng import without_plain_picture
from pipeline.imaging.big_tiff import with_short_offsets
from pipeline.imaging.code_points import code_points
from pipeline.imaging.colour import over_background, to_srgb
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.flat import Colour, contrasting_background, has_levels
from pipeline.imaging.frames import count_frames, open_frame
from pipeline.imaging.hdr import deciding_code_points, mapped_to_srgb
from pipeline.imaging.header_size import check_header
from pipeline.imaging.icons import with_one_picture
from pipeline.imaging.last_pixel import LastPixel
from pipeline.imaging.modes import is_deep, to_plain
from pipeline.imaging.pillow_limit import our_limit_decides
from pipeline.imaging.plugins import orientation
from pipeline.imaging.png_chunks import check_png, exceeds_palette, largest_png
from pipeline.imaging.png_colours import described_to_srgb
from pipeline.imaging.png_samples import plain_png
from pipeline.imaging.psd_channels import with_shown_channels
from pipeline.imaging.resize import shrink_image
from pipeline.imaging.sgi_rows import with_ended_rows
from pipeline.imaging.soundness import is_cut_short, unknown_compression
from pipeline.imaging.stream_ends import check_length, check_sums, has_left_over
from pipeline.imaging.sun_raster import with_plain_rows
from pipeline.imaging.tiff_errors import heard_out, is_doubtful_fax
from pipeline.imaging.tiff_image import plain_tiff
from pipeline.imaging.tiff_inflated import load_inflated
from pipeline.imaging.translation import translated
from pipeline.imaging.unwritten import doubt_flags
from pipeline.imaging.xpm_colours import with_plain_colours

_REWRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "ICO": with_one_picture,
    "PNG": without_plain_picture,
    "PSD": with_shown_channels,
    "SGI": with_ended_rows,
    "Sun raster": with_plain_rows,
    "TIFF": with_short_offsets,
    "XPM": with_plain_colours,
}
"""Files of a format as Pillow shall see them."""
_MOST_FRAMES = 100  # looked at for one that shows something
_truncation = threading.Lock()


class RasterDecoder:
    """One file of a format that Pillow or a plugin of it decodes; attributes as `Decoder` says."""

    def __init__(self, data: bytes, format: str, recipe: Recipe) -> None:
        self.format = format
        self._recipe = recipe
        self._data_as_read = data
        self._problem, self._data = check_png(data) if format == "PNG" else (None, data)
        check_header(data, format, recipe.caps)
        checked = self._data
        if rewritten := _REWRITTEN.get(format):
            with self._translated():
                self._data = rewritten(checked)
        if format == "ICO" and (png := largest_png(self._data)):
            self._problem, _ = check_png(png)
        with self._translated():
            self._image, self._flags = open_frame(self._data, format, recipe)
            if format == "PNG" and self._data is not checked:
                self._flags = ("plain_picture_left_out", *self._flags)
            self.width, self.height = self._image.size
            self.orientation = orientation(self._image)

    def render(self, width: int, height: int) -> DecodedImage:
        """Picture as sRGB in `width` x `height` pixels, not yet turned.

        Raises:
            Refusal: it cannot be decoded, or is damaged and the recipe rejects that.
        """
        flags = self._flags + self._load(width, height)
        with self._translated():
            flags += doubt_flags(self._image, self._data_as_read, self.format)
            image, more = self._plain()
            image = shrink_image(image, (width, height))
            picture = self._in_srgb(image)
        scaled = self._image.size != (self.width, self.height)
        return DecodedImage(picture.pixels, flags + more + picture.flags, scaled)

    def _plain(self) -> tuple[Image.Image, tuple[str, ...]]:
        """Loaded image in a plain mode, with flags that say where its samples were not believed.

        Without an alpha that its writer left at 0 everywhere, as those of BMP and ICO do, and
        transparent where the first frame of a GIF covers nothing.
        """
        plain, flags = self._eight_bits()
        if self.format in ("BMP", "ICO") and plain.mode == "RGBA" and not _highest_alpha(plain):
            return plain.convert("RGB"), (*flags, "alpha_ignored")
        covered = getattr(self._image, "covered", None)
        if self.format == "PNG" and exceeds_palette(self._image, self._data_as_read):
            flags += ("palette_exceeded",)
        if self.format != "GIF" or covered in (None, (0, 0, *plain.size)) or self._recipe.frame:
            return plain, flags
        canvas = Image.new("RGBA", plain.size, (0, 0, 0, 0))
        canvas.paste(plain.convert("RGBA").crop(covered), covered[:2])
        return canvas, (*flags, "partial_frame")

    def _eight_bits(self) -> tuple[Image.Image, tuple[str, ...]]:
        if self.format == "PNG":
            return plain_png(self._image, self._data)
        if self._image.format == "TIFF":  # a PSD may have become one
            return plain_tiff(self._image, self._data)
        plain, flags = to_plain(self._image)
        if self.format == "PSD" and self._image.mode == "1":
            plain = ImageChops.invert(plain)  # a bit that is set is black there
        return plain, getattr(self._image, "flags", ()) + flags

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render`: on a background that stands out, or the first frame that shows
        something when none was asked for; None when there is no such.

        Raises:
            Refusal: as `render`.
        """
        with self._translated():
            plain, _ = self._plain()
            if plain.mode == "RGBA" and has_levels(np.asarray(plain.getchannel("A"))[..., None]):
                return self._on_contrast(plain, width, height)
        return self._later_frame(width, height) if self._recipe.frame == 0 else None

    def varies(self) -> bool:
        """After `render`: whether the pixels of this frame are of more than one colour."""
        with self._translated():
            plain, flags = self._plain()
            samples = np.asarray(plain)
        if "nearly_black" in flags or is_deep(self._image):
            return True
        return has_levels(samples if samples.ndim == 3 else samples[..., None])

    def _on_contrast(self, plain: Image.Image, width: int, height: int) -> DecodedImage | None:
        background = contrasting_background(plain)
        if background is None:
            return None
        image = self._in_srgb(shrink_image(plain, (width, height)), background)
        flags = (*self._flags, *image.flags, "contrasting_background")
        return DecodedImage(image.pixels, flags)

    def _later_frame(self, width: int, height: int) -> DecodedImage | None:
        with self._translated():
            count = min(count_frames(self._image, self._data, self.format), _MOST_FRAMES)
        for frame in range(1, count):
            later = RasterDecoder(self._data, self.format, replace(self._recipe, frame=frame))
            if (later.width, later.height) != (self.width, self.height):
                continue
            image = later.render(width, height)
            if has_levels(image.pixels[..., :3]):
                return image
        return None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """As `translation.translated`; what seems damaged may be cut, or of an unknown kind."""
        try:
            with translated(), our_limit_decides():
                yield
        except Refusal as refusal:
            if refusal.code == "damaged" and is_cut_short(self._data, self.format):
                raise Refusal("truncated", refusal.detail) from refusal
            if self.format == "TIFF" and (words := unknown_compression(self._data)):
                raise Refusal("unsupported_format", words) from refusal
            raise

    def _load(self, width: int, height: int) -> tuple[str, ...]:
        """Decode; gives a flag when a damaged picture was accepted."""
        try:
            with self._translated():
                if self.format == "JPEG":
                    self._image.draft(None, (round(width * 1.5), round(height * 1.5)))
                if self._problem:
                    raise self._problem
                check_length(self._data, self.format)
                stopped = self._load_pixels()
                self._check_last_pixel()
        except Refusal as refusal:
            if self._recipe.on_damage == "reject" or refusal.code not in ("truncated", "damaged"):
                raise
            with _truncation, self._translated(), _whatever_is_there():
                self._image, _ = open_frame(self._data, self.format, self._recipe)
                self._image.load()
            return (f"{refusal.code}_accepted",)
        if self.format == "TIFF" and is_doubtful_fax(self._image, self._data):
            return ("fax_doubtful",)
        if has_left_over(self._image, self._data, self.format, stopped):
            return ("codes_left_over",)
        return ()

    def _load_pixels(self) -> int:
        """Decode; gives where the decoder stopped reading the file, -1 where that says nothing."""
        file = getattr(self._image, "fp", None)
        if self.format == "TIFF" and not load_inflated(self._image, self._data):
            with heard_out(self._image, self._data):
                self._image.load()
            check_sums(self._image, self._data)
        else:
            self._image.load()
        return -1 if file is None or file.closed else int(file.tell())

    def _check_last_pixel(self) -> None:
        """Refuse a picture whose decoder stopped before its end without saying so."""
        if not (isinstance(self._image, LastPixel) and self._image.untouched):
            return
        again, _ = open_frame(self._data, self.format, self._recipe)
        assert isinstance(again, LastPixel)
        again.mark ^= 0xFF
        again.load()
        if again.untouched:
            raise Refusal("truncated", "its compressed pixels end before its last row")

    def _in_srgb(self, image: Image.Image, background: Colour | None = None) -> DecodedImage:
        background = background or self._recipe.background
        if image.mode == "RGBA" and self._has_plain_colours():
            return DecodedImage(np.asarray(over_background(image, background)))
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        colours, flags = self._colours_in_srgb(colours)
        if image.mode == "RGBA":
            colours.putalpha(image.getchannel("A"))
            colours = over_background(colours, background)
        return DecodedImage(np.asarray(colours), flags)

    def _has_plain_colours(self) -> bool:
        """Tell whether nothing in the file says what its colours look like."""
        says = self._image.info.keys() & {"icc_profile", "gamma"}
        return not says and not code_points(self._data, self.format)

    def _colours_in_srgb(self, colours: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
        info = self._image.info
        icc = None if self._image.mode == "LAB" else info.get("icc_profile")
        points = code_points(self._data, self.format)
        if points := deciding_code_points(points, self.format, icc is not None):
            pixels, flags = mapped_to_srgb(np.asarray(colours.convert("RGB")), points)
            return Image.fromarray(pixels), flags
        colours, flags = to_srgb(colours, icc)
        if self.format == "PNG" and (icc is None or "icc_ignored" in flags):
            colours, more = described_to_srgb(colours, info)
            flags += more
        return colours, flags


def _highest_alpha(image: Image.Image) -> int:
    return int(np.asarray(image.getchannel("A")).max(initial=0))


@contextmanager
def _whatever_is_there() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
