"""Pillow's plugins, one for each sniffed format: opening a file, and its orientation."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from importlib import import_module

from PIL import Image

from pipeline.imaging.last_pixel import WATCHED, LastPixel

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


def open_image(data: bytes, format: str) -> Image.Image:
    """File as its plugin sees it; its pixels are not decoded yet."""
    return plugin(format)(io.BytesIO(data))


@cache
def plugin(format: str) -> Callable[[io.BytesIO], Image.Image]:
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


def orientation(image: Image.Image) -> int:
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
