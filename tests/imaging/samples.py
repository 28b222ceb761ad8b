"""One small file for each format, mode, depth and way of packing that preparation takes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image

from tests.imaging import builders
from tests.imaging.drawing import BLACK_WHITE, GREYS, QUARTERS, Colour, encoded, quarters

pillow_heif.register_heif_opener()

_WIDTH, _HEIGHT = 160, 120


@dataclass(frozen=True, slots=True)
class Sample:
    """A file and what it shows."""

    name: str
    format: str
    data: bytes
    colours: tuple[Colour, ...] = QUARTERS
    tolerance: int = 6
    flags: tuple[str, ...] = ()


def all_samples() -> list[Sample]:
    """Every sample, each with a name of its own."""
    makers = (_jpeg, _png, _deep_png, _webp, _gif, _bmp, _tiff, _packed_tiff, _deep_tiff, _heif)
    samples = [sample for make in makers for sample in make()]
    assert len({sample.name for sample in samples}) == len(samples)
    return samples


def _grey(colours: tuple[Colour, ...] = QUARTERS) -> tuple[Colour, ...]:
    return tuple(
        (v, v, v) for v in (round(0.299 * r + 0.587 * g + 0.114 * b) for r, g, b in colours)
    )


def _see_through() -> Image.Image:
    """Quarters of which the first is fully and the second half transparent."""
    image = quarters().convert("RGBA")
    alpha = np.full((_HEIGHT, _WIDTH), 255, np.uint8)
    alpha[: _HEIGHT // 2, : _WIDTH // 2] = 0
    alpha[: _HEIGHT // 2, _WIDTH // 2 :] = 128
    image.putalpha(Image.fromarray(alpha))
    return image


_OVER_WHITE: tuple[Colour, ...] = ((255, 255, 255), (142, 227, 147), QUARTERS[2], QUARTERS[3])
_HOLE: tuple[Colour, ...] = ((255, 255, 255), *QUARTERS[1:])


def _jpeg() -> Iterator[Sample]:
    rgb = quarters()
    for chroma in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            data = encoded(rgb, "JPEG", quality=90, subsampling=chroma, progressive=progressive)
            yield Sample(f"jpeg {chroma} {'progressive' * progressive}", "JPEG", data)
    for quality in (20, 50, 100):
        data = encoded(rgb, "JPEG", quality=quality)
        yield Sample(f"jpeg quality {quality}", "JPEG", data, tolerance=10)
    yield Sample("jpeg grey", "JPEG", encoded(rgb.convert("L"), "JPEG"), _grey())
    progressive = encoded(rgb.convert("L"), "JPEG", progressive=True)
    yield Sample("jpeg grey progressive", "JPEG", progressive, _grey())
    yield Sample("jpeg rgb", "JPEG", encoded(rgb, "JPEG", keep_rgb=True, quality=95))
    yield Sample("jpeg restarts", "JPEG", encoded(rgb, "JPEG", restart_marker_rows=1))
    yield Sample("jpeg optimised", "JPEG", encoded(rgb, "JPEG", optimize=True))
    cmyk = encoded(rgb.convert("CMYK"), "JPEG", quality=95)
    yield Sample("jpeg cmyk", "JPEG", cmyk, tolerance=8)
    without_adobe = cmyk.replace(cmyk[2:18], b"", 1) if cmyk[2:4] == b"\xff\xee" else cmyk
    yield Sample("jpeg cmyk without Adobe", "JPEG", without_adobe, tolerance=8)
    yield Sample("jpeg trailing bytes", "JPEG", encoded(rgb, "JPEG") + b"trailing" * 99)
    yield Sample(
        "jpeg two pictures", "JPEG", encoded(rgb, "JPEG") + encoded(rgb.rotate(180), "JPEG")
    )
    fill = encoded(rgb, "JPEG").replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)
    yield Sample("jpeg fill bytes", "JPEG", fill)
    yield Sample("jpeg without end", "JPEG", encoded(rgb, "JPEG")[:-2])
    thumb = builders.jpeg_segment(0xE1, b"Exif\0\0" + builders.exif(1) + encoded(rgb, "JPEG"))
    yield Sample("jpeg thumbnail", "JPEG", builders.with_segments(encoded(rgb, "JPEG"), thumb))


def _png() -> Iterator[Sample]:
    rgb = quarters()
    yield Sample("png rgb", "PNG", encoded(rgb, "PNG"))
    yield Sample("png rgb optimised", "PNG", encoded(rgb, "PNG", optimize=True))
    yield Sample("png rgba", "PNG", encoded(_see_through(), "PNG"), _OVER_WHITE)
    yield Sample("png l", "PNG", encoded(rgb.convert("L"), "PNG"), _grey(), 3)
    yield Sample("png la", "PNG", encoded(quarters(colours=GREYS).convert("LA"), "PNG"), GREYS, 3)
    black_white = quarters(colours=BLACK_WHITE).convert("1")
    yield Sample("png 1", "PNG", encoded(black_white, "PNG"), BLACK_WHITE, 2)
    palette = rgb.quantize(4)
    for bits in (1, 2, 4, 8):
        colours = QUARTERS if bits > 1 else (QUARTERS[0], QUARTERS[1]) * 2
        image = quarters(colours=colours).quantize(min(4, 2**bits))
        yield Sample(f"png palette {bits} bits", "PNG", encoded(image, "PNG", bits=bits), colours)
    hole = palette.getpixel((5, 5))
    yield Sample("png palette hole", "PNG", encoded(palette, "PNG", transparency=hole), _HOLE)
    alphas = bytes(0 if index == hole else 255 for index in range(4))
    yield Sample("png palette alphas", "PNG", encoded(palette, "PNG", transparency=alphas), _HOLE)
    keyed = encoded(rgb, "PNG", transparency=QUARTERS[0])
    yield Sample("png rgb key", "PNG", keyed, _HOLE)
    grey = quarters(colours=GREYS).convert("L")
    key = encoded(grey, "PNG", transparency=GREYS[0][0])
    yield Sample("png grey key", "PNG", key, ((255,) * 3, *GREYS[1:]), 3)
    animated = encoded(
        rgb, "PNG", save_all=True, append_images=[rgb.rotate(180)], duration=100, loop=0
    )
    yield Sample("png animated", "PNG", animated, flags=("first_frame",))


def _deep_png() -> Iterator[Sample]:
    rgb = np.asarray(quarters()).astype(np.uint16) * 257
    grey = np.asarray(quarters(colours=GREYS))[..., :1].astype(np.uint16) * 257
    opaque = np.full((_HEIGHT, _WIDTH, 1), 65535, np.uint16)
    for woven in (False, True):
        word = " interlaced" * woven
        yield Sample(f"png 16 rgb{word}", "PNG", builders.png(rgb, 2, 16, interlaced=woven))
        rgba = np.concatenate((rgb, opaque), axis=2)
        yield Sample(f"png 16 rgba{word}", "PNG", builders.png(rgba, 6, 16, interlaced=woven))
        data = builders.png(grey, 0, 16, interlaced=woven)
        yield Sample(f"png 16 grey{word}", "PNG", data, GREYS, 3)
        la = np.concatenate((grey, opaque), axis=2)
        yield Sample(f"png 16 la{word}", "PNG", builders.png(la, 4, 16, interlaced=woven), GREYS, 3)
        eight = builders.png((rgb // 257).astype(np.uint8), 2, 8, interlaced=woven)
        yield Sample(f"png 8 rgb{word}", "PNG", eight)
    key = (b"tRNS", (GREYS[0][0] * 257).to_bytes(2, "big"))
    keyed = builders.png(grey, 0, 16, [key])
    yield Sample("png 16 grey key", "PNG", keyed, ((255,) * 3, *GREYS[1:]), 3)


def _webp() -> Iterator[Sample]:
    rgb = quarters()
    yield Sample("webp lossy", "WebP", encoded(rgb, "WEBP", quality=90))
    yield Sample("webp lossless", "WebP", encoded(rgb, "WEBP", lossless=True))
    yield Sample("webp alpha", "WebP", encoded(_see_through(), "WEBP", quality=90), _OVER_WHITE, 9)
    yield Sample(
        "webp lossless alpha", "WebP", encoded(_see_through(), "WEBP", lossless=True), _OVER_WHITE
    )
    animated = encoded(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], quality=90)
    yield Sample("webp animated", "WebP", animated, flags=("first_frame",))


def _gif() -> Iterator[Sample]:
    rgb = quarters()
    palette = rgb.quantize(4)
    yield Sample("gif", "GIF", encoded(palette, "GIF"))
    yield Sample("gif interlaced", "GIF", encoded(palette, "GIF", interlace=1))
    yield Sample("gif grey", "GIF", encoded(rgb.convert("L"), "GIF"), _grey(), 4)
    hole = palette.getpixel((5, 5))
    yield Sample("gif hole", "GIF", encoded(palette, "GIF", transparency=hole), _HOLE)
    frames = [rgb.rotate(180).quantize(4), rgb.rotate(90).quantize(4)]
    animated = encoded(palette, "GIF", save_all=True, append_images=frames, duration=50)
    yield Sample("gif animated", "GIF", animated, flags=("first_frame",))
    yield Sample("gif 87a", "GIF", encoded(palette, "GIF").replace(b"GIF89a", b"GIF87a"))


def _bmp() -> Iterator[Sample]:
    rgb = quarters()
    yield Sample("bmp rgb", "BMP", encoded(rgb, "BMP"))
    yield Sample("bmp l", "BMP", encoded(rgb.convert("L"), "BMP"), _grey(), 3)
    yield Sample("bmp palette", "BMP", encoded(rgb.quantize(4), "BMP"))
    black_white = quarters(colours=BLACK_WHITE).convert("1")
    yield Sample("bmp 1", "BMP", encoded(black_white, "BMP"), BLACK_WHITE, 2)
    yield Sample("bmp rgba", "BMP", encoded(rgb.convert("RGBA"), "BMP"))


def _tiff() -> Iterator[Sample]:
    rgb, grey = quarters(), quarters(colours=GREYS).convert("L")
    yield Sample("tiff rgb", "TIFF", encoded(rgb, "TIFF"))
    yield Sample("tiff rgba", "TIFF", encoded(_see_through(), "TIFF"), _OVER_WHITE)
    yield Sample("tiff l", "TIFF", encoded(grey, "TIFF"), GREYS, 3)
    yield Sample("tiff la", "TIFF", encoded(grey.convert("LA"), "TIFF"), GREYS, 3)
    yield Sample("tiff palette", "TIFF", encoded(rgb.quantize(4), "TIFF"))
    yield Sample("tiff cmyk", "TIFF", encoded(rgb.convert("CMYK"), "TIFF"))
    yield Sample("tiff ycbcr", "TIFF", encoded(rgb.convert("YCbCr"), "TIFF"))
    yield Sample("tiff lab", "TIFF", encoded(_as_lab(rgb), "TIFF"), tolerance=14)
    black_white = quarters(colours=BLACK_WHITE).convert("1")
    yield Sample("tiff 1", "TIFF", encoded(black_white, "TIFF"), BLACK_WHITE, 2)
    pages = encoded(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)])
    yield Sample("tiff pages", "TIFF", pages, flags=("first_frame",))
    yield Sample("tiff big", "TIFF", encoded(rgb, "TIFF", big_tiff=True))


def _packed_tiff() -> Iterator[Sample]:
    rgb, grey = quarters(), quarters(colours=GREYS).convert("L")
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"):
        data = encoded(rgb, "TIFF", compression=packing)
        yield Sample(f"tiff rgb {packing}", "TIFF", data, tolerance=8)
        data = encoded(grey, "TIFF", compression=packing)
        yield Sample(f"tiff l {packing}", "TIFF", data, GREYS, 8)
    black_white = quarters(colours=BLACK_WHITE).convert("1")
    for packing in ("group3", "group4", "tiff_ccitt", "tiff_lzw"):
        data = encoded(black_white, "TIFF", compression=packing)
        yield Sample(f"tiff 1 {packing}", "TIFF", data, BLACK_WHITE, 2)
    alpha = encoded(_see_through(), "TIFF", compression="tiff_lzw")
    yield Sample("tiff rgba lzw", "TIFF", alpha, _OVER_WHITE)


_STRETCHED: tuple[Colour, ...] = tuple(((v - 16) * 255 // 224,) * 3 for v in (16, 90, 170, 240))


def _deep_tiff() -> Iterator[Sample]:
    rgb = np.asarray(quarters())
    grey = np.asarray(quarters(colours=GREYS))[..., :1]
    for order in "<>":
        word = {"<": "little", ">": "big"}[order]
        deep = builders.tiff(rgb.astype(np.uint16) * 257, 2, order=order)
        yield Sample(f"tiff 16 rgb {word}", "TIFF", deep)
        deep = builders.tiff(grey.astype(np.uint16) * 257, 1, order=order)
        yield Sample(f"tiff 16 grey {word}", "TIFF", deep, GREYS, 3)
        floats = builders.tiff(grey.astype(np.float32) / 255, 1, 3, order)
        yield Sample(f"tiff float {word}", "TIFF", floats, GREYS, 3)
        whole = builders.tiff(grey.astype(np.float32), 1, 3, order)
        yield Sample(f"tiff float to 255 {word}", "TIFF", whole, GREYS, 3)
        words = builders.tiff(grey.astype(np.int32) * 257, 1, 2, order)
        yield Sample(f"tiff 32 {word}", "TIFF", words, GREYS, 3)
    negative = builders.tiff((255 - grey).astype(np.uint16) * 257, 0)
    yield Sample("tiff 16 white is zero", "TIFF", negative, GREYS, 3)
    negative = builders.tiff(1 - grey.astype(np.float32) / 255, 0, 3)
    yield Sample("tiff float white is zero", "TIFF", negative, GREYS, 3)
    wide = grey.astype(np.uint32) * (2**32 // 256)
    data = builders.tiff(wide, 1)
    yield Sample("tiff 32 unsigned", "TIFF", data, _STRETCHED, 3, ("range_stretched",))
    wide = grey.astype(np.int32) * 1_000_000
    data = builders.tiff(wide, 1, 2)
    yield Sample("tiff 32 wide", "TIFF", data, _STRETCHED, 3, ("range_stretched",))
    opaque = np.full((_HEIGHT, _WIDTH, 1), 65535, np.uint16)
    rgba = np.concatenate((rgb.astype(np.uint16) * 257, opaque), axis=2)
    yield Sample("tiff 16 rgba", "TIFF", builders.tiff(rgba, 2))


def _heif() -> Iterator[Sample]:
    rgb = quarters()
    for format, name in (("HEIF", "HEIC"), ("AVIF", "AVIF")):
        yield Sample(f"{name} rgb", name, encoded(rgb, format, quality=90))
        yield Sample(f"{name} l", name, encoded(rgb.convert("L"), format, quality=90), _grey())
        alpha = encoded(_see_through(), format, quality=90)
        yield Sample(f"{name} rgba", name, alpha, _OVER_WHITE, 9)
    several = pillow_heif.from_pillow(rgb)
    several.add_from_pillow(rgb.rotate(180))
    out = io.BytesIO()
    several.save(out, quality=90, primary_index=0)
    yield Sample("HEIC several", "HEIC", out.getvalue(), flags=("first_frame",))
    deep = pillow_heif.from_bytes(
        "RGB;16", rgb.size, (np.asarray(rgb).astype(np.uint16) * 257).tobytes()
    )
    out = io.BytesIO()
    deep.save(out, quality=90)
    yield Sample("HEIC deep", "HEIC", out.getvalue())
    animated = encoded(rgb, "AVIF", save_all=True, append_images=[rgb.rotate(180)], quality=90)
    yield Sample("AVIF animated", "AVIF", animated, flags=("first_frame",))


def _as_lab(rgb: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    return lab
