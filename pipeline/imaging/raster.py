"""Most formats in: PNG, WebP, GIF, BMP, TIFF, AVIF through Pillow, others through plugins of it.

The plugin of the sniffed format is called directly: no other parser sees the bytes, and Pillow's
own pixel limit, which warns instead of deciding, is not consulted.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
from PIL import Image, ImageFile

from pipeline.core.recipe import Recipe
from pipeline.imaging.code_points import code_points
from pipeline.imaging.colour import over_background, to_srgb, undo_gamma
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.flat import Colour, contrasting, varies
from pipeline.imaging.hdr import deciding, mapped
from pipeline.imaging.header_size import check_header
from pipeline.imaging.last_pixel import WATCHED, LastPixel
from pipeline.imaging.modes import is_deep, to_plain
from pipeline.imaging.pillow_limit import our_limit_decides
from pipeline.imaging.png_chunks import check_png, exceeds_palette, largest_png
from pipeline.imaging.resize import shrink_image
from pipeline.imaging.soundness import has_uniform_tail, is_cut_short, unknown_compression
from pipeline.imaging.tiff_errors import heard_out, is_doubtful_fax
from pipeline.imaging.translation import translated

_PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIC": ("pillow_heif", "HeifImageFile"),
    "JPEG 2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "PNM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "ICO": ("PIL.IcoImagePlugin", "IcoImageFile"),
    "TGA": ("PIL.TgaImagePlugin", "TgaImageFile"),
    "PCX": ("PIL.PcxImagePlugin", "PcxImageFile"),
    "PSD": ("PIL.PsdImagePlugin", "PsdImageFile"),
    "DDS": ("PIL.DdsImagePlugin", "DdsImageFile"),
    "QOI": ("PIL.QoiImagePlugin", "QoiImageFile"),
    "SGI": ("PIL.SgiImagePlugin", "SgiImageFile"),
    "ICNS": ("PIL.IcnsImagePlugin", "IcnsImageFile"),
    "Sun raster": ("PIL.SunImagePlugin", "SunImageFile"),
    "XPM": ("PIL.XpmImagePlugin", "XpmImageFile"),
    "BLP": ("PIL.BlpImagePlugin", "BlpImageFile"),
    "JPEG XL": ("pillow_jxl.JpegXLImagePlugin", "JXLImageFile"),
}
_ORIENTATION_TAG = 0x0112
_MOST_FRAMES = 100  # looked at for one that shows something
_truncation = threading.Lock()


class RasterDecoder:
    """One file of a format that Pillow or a plugin of it decodes; attributes as `Decoder` says."""

    def __init__(self, data: bytes, format: str, recipe: Recipe) -> None:
        self.format = format
        self._recipe = recipe
        self._data_as_read = data
        self._problem, self._data = check_png(data) if format == "PNG" else (None, data)
        if format == "ICO" and (png := largest_png(data)):
            self._problem, _ = check_png(png)
        check_header(data, format, recipe.caps)
        with self._translated():
            self._image = _open(self._data, format)
            self._flags = _choose_frame(self._image, recipe.frame)
            self.width, self.height = self._image.size
            self.orientation = _orientation(self._image)

    def render(self, width: int, height: int) -> DecodedImage:
        """Picture as sRGB in `width` x `height` pixels, not yet turned.

        Raises:
            Refusal: it cannot be decoded, or is damaged and the recipe rejects that.
        """
        flags = self._flags + self._load(width, height)
        if has_uniform_tail(self._data, self.format):
            flags += ("uniform_tail",)
        with self._translated():
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
        plain, flags = to_plain(self._image)
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

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render`: on a background that stands out, or the first frame that shows
        something when none was asked for; None when there is no such.

        Raises:
            Refusal: as `render`.
        """
        with self._translated():
            plain, _ = self._plain()
            if plain.mode == "RGBA" and varies(np.asarray(plain.getchannel("A"))[..., None]):
                return self._on_contrast(plain, width, height)
        return self._later_frame(width, height) if self._recipe.frame == 0 else None

    def varies(self) -> bool:
        """After `render`: whether the pixels of this frame are of more than one colour."""
        with self._translated():
            plain, _ = to_plain(self._image)
            samples = np.asarray(plain)
        return varies(samples if samples.ndim == 3 else samples[..., None]) or is_deep(self._image)

    def _on_contrast(self, plain: Image.Image, width: int, height: int) -> DecodedImage | None:
        background = contrasting(plain)
        if background is None:
            return None
        image = self._in_srgb(shrink_image(plain, (width, height)), background)
        flags = (*self._flags, *image.flags, "contrasting_background")
        return DecodedImage(image.pixels, flags)

    def _later_frame(self, width: int, height: int) -> DecodedImage | None:
        count = min(getattr(self._image, "n_frames", 1), _MOST_FRAMES)
        for frame in range(1, count):
            later = RasterDecoder(self._data, self.format, replace(self._recipe, frame=frame))
            if (later.width, later.height) != (self.width, self.height):
                continue
            image = later.render(width, height)
            if varies(image.pixels[..., :3]):
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
                if self.format == "TIFF":
                    with heard_out(self._image, self._data):
                        self._image.load()
                else:
                    self._image.load()
                self._check_last_pixel()
        except Refusal as refusal:
            if self._recipe.on_damage == "reject" or refusal.code not in ("truncated", "damaged"):
                raise
            with _truncation, self._translated(), _whatever_is_there():
                self._image = _open(self._data, self.format)
                _choose_frame(self._image, self._recipe.frame)
                self._image.load()
            return (f"{refusal.code}_accepted",)
        if self.format == "TIFF" and is_doubtful_fax(self._image, self._data):
            return ("fax_doubtful",)
        return ()

    def _check_last_pixel(self) -> None:
        """Refuse a picture whose decoder stopped before its end without saying so."""
        if not (isinstance(self._image, LastPixel) and self._image.untouched):
            return
        again = _open(self._data, self.format)
        _choose_frame(again, self._recipe.frame)
        assert isinstance(again, LastPixel)
        again.mark ^= 0xFF
        again.load()
        if again.untouched:
            raise Refusal("truncated", "its compressed pixels end before its last row")

    def _in_srgb(self, image: Image.Image, background: Colour | None = None) -> DecodedImage:
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        colours, flags = self._colours_in_srgb(colours)
        if image.mode == "RGBA":
            colours.putalpha(image.getchannel("A"))
            colours = over_background(colours, background or self._recipe.background)
        return DecodedImage(np.asarray(colours), flags)

    def _colours_in_srgb(self, colours: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
        info = self._image.info
        icc = None if self._image.mode == "LAB" else info.get("icc_profile")
        points = code_points(self._data, self.format)
        if points := deciding(points, self.format, icc is not None):
            pixels, flags = mapped(np.asarray(colours.convert("RGB")), points)
            return Image.fromarray(pixels), flags
        colours, flags = to_srgb(colours, icc)
        gamma = info.get("gamma")
        if gamma and not flags and "srgb" not in info and self.format == "PNG":
            colours, flags = undo_gamma(colours, float(gamma))
        return colours, flags


def _highest_alpha(image: Image.Image) -> int:
    return int(np.asarray(image.getchannel("A")).max(initial=0))


def _open(data: bytes, format: str) -> Image.Image:
    return _plugin(format)(io.BytesIO(data))


@cache
def _plugin(format: str) -> Callable[[io.BytesIO], Image.Image]:
    """One parser for a format, imported when first met; it uses one thread, because there
    is a worker for each core already."""
    module, name = _PLUGINS[format]
    library = import_module(module)
    if format == "AVIF":
        library.DEFAULT_MAX_THREADS = 1  # type: ignore[attr-defined]
    if format == "HEIC":
        library.options.DECODE_THREADS = 1
    if format == "JPEG XL":
        library.DECODE_THREADS = 0  # type: ignore[attr-defined]
    plugin: Callable[[io.BytesIO], Image.Image] = getattr(library, name)
    if format in WATCHED:
        plugin = type(name, (LastPixel, plugin), {})  # type: ignore[arg-type]
    return plugin


def _choose_frame(image: Image.Image, frame: int) -> tuple[str, ...]:
    """Go to the frame asked for, or to the last one; gives the flag that says which it is."""
    if not getattr(image, "is_animated", False) or image.format == "PSD":  # whose frames are layers
        return ()
    if frame == 0:
        return ("first_frame",)
    chosen = min(frame, getattr(image, "n_frames", 1) - 1)
    image.seek(chosen)
    return (f"frame_{chosen}",)


def _orientation(image: Image.Image) -> int:
    """Orientation still to be applied, by EXIF or else by XMP. Pillow turns TIFF while it loads;
    what HEIC and AVIF say themselves pillow-heif has done, and Pillow has put it into EXIF."""
    if image.format == "TIFF":
        return 1
    try:
        # not the method of a plugin: that of PNG decodes the pixels, and an image that raised once
        # gives an empty picture the next time
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (broken metadata harms no pixel, and may raise anything)
        return 1
    return value if value in range(1, 9) else 1


@contextmanager
def _whatever_is_there() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
