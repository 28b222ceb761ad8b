"""prepare: the bytes of a file become the picture that is sent, or a reason why not."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable
from importlib import import_module

import pybase64
import simplejpeg
from msgspec import Struct
from PIL import Image, JpegImagePlugin

from pipeline.core.reasons import rejection
from pipeline.core.recipe import EXTRA_FORMATS, JPEG_2000_SAMPLES, JXL_FRAMES, Recipe
from pipeline.imaging.decoder import DecodedImage, Decoder, Refusal, check_pixels
from pipeline.imaging.flat import identity_of_blank, is_flat
from pipeline.imaging.header_size import announced_size
from pipeline.imaging.jpeg import JpegDecoder
from pipeline.imaging.memory import memory_needed
from pipeline.imaging.pass_through import may_pass
from pipeline.imaging.perceptual import hash_and_sharpness
from pipeline.imaging.reading import read_image_file
from pipeline.imaging.resize import Pixels, turn
from pipeline.imaging.sniff import DOCUMENTS, describe_other, sniff
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage

_QUARTER_TURNS = (5, 6, 7, 8)
# imported when first met: most data sets hold none of them, and many nothing but JPEG
_SELDOM = {
    "JPEG XL": ("jxl", "JxlDecoder"),
    "RAW": ("raw", "RawDecoder"),
    "SVG": ("svg", "SvgDecoder"),
}
_RAISE_LIMIT = "raise images.memory_limit"
_CHROMA = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4"}


class Preparer(Struct, frozen=True):
    """Preparation that an engine runs for each file: picklable when `known` is.

    Attributes:
        recipe: how to prepare.
        known: tells whether bytes (by their SHA-256) were prepared before; None knows nothing.
    """

    recipe: Recipe
    known: Callable[[bytes], bool] | None = None

    def __call__(self, location: str) -> Prepared:
        """Read, hash and prepare the file at `location`, an openable path."""
        return prepare_file(location, self.recipe, self.known)


def prepare_file(
    location: str, recipe: Recipe, known: Callable[[bytes], bool] | None = None
) -> Prepared:
    """Read the file at `location` and prepare it; KnownImage when `known` knows its bytes.

    Never raises for anything that a file can be or hold.
    """
    try:
        data = read_image_file(location, recipe.caps.max_file_bytes)
    except Refusal as refusal:
        return RejectedImage(None, rejection(refusal.code, refusal.detail))
    except MemoryError:
        return RejectedImage(None, rejection("out_of_memory", _RAISE_LIMIT))
    source_id = hashlib.sha256(data).digest()
    if known is not None and known(source_id):
        return KnownImage(source_id)
    return _prepare(data, source_id, recipe)


def prepare_image(data: bytes, recipe: Recipe) -> PreparedImage | RejectedImage:
    """Prepare an image from its file's bytes. Never raises for anything that bytes can be."""
    return _prepare(data, hashlib.sha256(data).digest(), recipe)


def _prepare(data: bytes, source_id: bytes, recipe: Recipe) -> PreparedImage | RejectedImage:
    decoder: Decoder | None = None
    size: tuple[int, int] | tuple[None, None] = None, None
    try:
        decoder = _decoder(data, recipe)
        _check_caps(decoder, recipe)
        return _render(decoder, data, source_id, recipe)
    except Refusal as refusal:
        code, detail, size = refusal.code, refusal.detail, refusal.size or size
    except MemoryError as error:
        code, detail = "out_of_memory", str(error)
    format = sniff(data)
    if decoder is not None:
        format, size = decoder.format, _upright_size(decoder)
    decoder = None  # what it holds is memory too
    may_want = code in ("damaged", "truncated") or (code == "out_of_memory" and not detail)
    if may_want and (words := _memory_needed(data, format, size)):
        code, detail = "out_of_memory", words
    if code == "out_of_memory" and _RAISE_LIMIT not in detail:
        detail = f"{detail}; {_RAISE_LIMIT}" if detail else _RAISE_LIMIT
    return RejectedImage(source_id, rejection(code, detail), format, *size)


def _memory_needed(
    data: bytes, format: str | None, size: tuple[int, int] | tuple[None, None]
) -> str:
    """Words for the memory that a picture may take, "" where there is enough, so that it is the
    picture's fault that it was refused."""
    width, height = announced_size(data, format) if size[0] is None else size
    return memory_needed(format, (width or 0) * (height or 0))


def _decoder(data: bytes, recipe: Recipe) -> Decoder:
    """Open the decoder of a file, which reads its header.

    Raises:
        Refusal: no image, or none that may be decoded.
    """
    if not data:
        raise Refusal("empty_file")
    kind = sniff(data)
    if kind is None:
        raise Refusal("not_an_image", describe_other(data))
    if kind not in recipe.formats:
        raise Refusal("unsupported_format", f"it is of the kind {kind}; {_instead(kind, recipe)}")
    if kind == "JPEG":
        return JpegDecoder(data, recipe)
    if kind not in _SELDOM:
        from pipeline.imaging.raster import RasterDecoder

        return RasterDecoder(data, kind, recipe)
    module, name = _SELDOM[kind]
    decoder: Decoder = getattr(import_module(f"pipeline.imaging.{module}"), name)(data, recipe)
    return decoder


def _instead(kind: str, recipe: Recipe) -> str:
    """Suggest what can be done about a format that is not decoded, or which ones are."""
    if kind in DOCUMENTS:
        return "save its pages as PNG or JPEG"
    if kind in EXTRA_FORMATS:
        return 'pip install "captionmill[formats]" lets it be decoded'
    kinds = recipe.formats - {JXL_FRAMES, JPEG_2000_SAMPLES}
    return f"decoded are {', '.join(sorted(kinds))}"


def _check_caps(decoder: Decoder, recipe: Recipe) -> None:
    width, height, caps = decoder.width, decoder.height, recipe.caps
    check_pixels(width, height, caps)
    size = f"{width} x {height} pixels"
    if max(width, height) > caps.max_side:
        raise Refusal("too_long_side", f"{size}, at most {caps.max_side} a side are allowed")
    if min(width, height) < caps.min_side:
        raise Refusal("too_small", f"{size}, at least {caps.min_side} a side are asked for")


def _check_thin(source: tuple[int, int], sent: tuple[int, int], recipe: Recipe) -> None:
    """Refuse a strip that became thinner than allowed, however small its source was.

    Raises:
        Refusal: `too_thin`.
    """
    least = recipe.caps.min_sent_side
    if min(sent) < min(least, *source):
        size = f"{sent[0]} x {sent[1]} pixels"
        raise Refusal("too_thin", f"{size}, images.min_sent_side asks for {least} a side")


def _upright_size(decoder: Decoder) -> tuple[int, int]:
    if decoder.orientation in _QUARTER_TURNS:
        return decoder.height, decoder.width
    return decoder.width, decoder.height


def _render(decoder: Decoder, data: bytes, source_id: bytes, recipe: Recipe) -> PreparedImage:
    source = _upright_size(decoder)
    width, height = recipe.size.choose(*source)
    _check_thin(source, (width, height), recipe)
    if source == (width, height) and (pixels := _passes(decoder, data, recipe)) is not None:
        picture = DecodedImage(pixels, ("passed_through",))
        return _prepared(data, picture, source_id, decoder, (width, height), recipe)
    stored = (height, width) if decoder.orientation in _QUARTER_TURNS else (width, height)
    picture = decoder.render(*stored)
    picture = DecodedImage(turn(picture.pixels, decoder.orientation), picture.flags, picture.scaled)
    encoded = _encode(picture, recipe)
    if is_flat(picture.pixels, encoded):
        picture, encoded = _made_visible(decoder, picture, encoded, recipe)
    return _prepared(encoded, picture, source_id, decoder, (width, height), recipe)


def _made_visible(
    decoder: Decoder, flat: DecodedImage, encoded: bytes, recipe: Recipe
) -> tuple[DecodedImage, bytes]:
    """Flat picture in a way that shows something, else with the flag `blank` when its source
    is not flat."""
    height, width = flat.pixels.shape[:2]
    stored = (height, width) if decoder.orientation in _QUARTER_TURNS else (width, height)
    visible: DecodedImage | None = None
    with contextlib.suppress(Refusal):  # a later frame may be damaged: this one is not
        visible = decoder.render_visibly(*stored)
    if visible is not None:
        pixels = turn(visible.pixels, decoder.orientation)
        image = DecodedImage(pixels, visible.flags, visible.scaled)
        again = _encode(image, recipe)
        if not is_flat(pixels, again):
            return image, again
    if not decoder.varies():
        return flat, encoded
    return DecodedImage(flat.pixels, (*flat.flags, "blank"), flat.scaled), encoded


def _passes(decoder: Decoder, data: bytes, recipe: Recipe) -> Pixels | None:
    """Pixels (an eighth of the size) of a JPEG that may be sent as it is, else None."""
    if isinstance(decoder, JpegDecoder) and may_pass(decoder.header, data, recipe):
        return decoder.check()
    return None


def _encode(picture: DecodedImage, recipe: Recipe) -> bytes:
    """Baseline JPEG with a JFIF header and nothing else beside the picture.

    libjpeg-turbo's simple interface is the quickest, but takes an inexact DCT below quality 96,
    which costs 0.0003 Y-SSIM. A picture that was decoded at a smaller scale has lost as much
    before: it is encoded exactly, by Pillow, so that the two losses never add up.
    """
    pixels = picture.pixels
    height, width, channels = pixels.shape
    mode = "RGBX" if channels == 4 else "RGB"
    if not picture.scaled:
        return bytes(simplejpeg.encode_jpeg(pixels, recipe.quality, mode, recipe.subsampling))
    image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    # the registered writer itself: `Image.save` around it looks for files, names and plugins
    image.encoderinfo = {"quality": recipe.quality, "subsampling": _CHROMA[recipe.subsampling]}
    encoded = io.BytesIO()
    Image.SAVE[JpegImagePlugin.JpegImageFile.format](image, encoded, "")
    return encoded.getvalue()


def _prepared(
    sent: bytes,
    picture: DecodedImage,
    source_id: bytes,
    decoder: Decoder,
    size: tuple[int, int],
    recipe: Recipe,
) -> PreparedImage:
    source_width, source_height = _upright_size(decoder)
    phash, sharpness = hash_and_sharpness(picture.pixels) if recipe.perceptual_hash else (None, 0)
    return PreparedImage(
        source_id=source_id,
        content_id=identity_of_blank(sent, source_id)
        if "blank" in picture.flags
        else hashlib.sha256(sent).digest(),
        source_format=decoder.format,
        source_width=source_width,
        source_height=source_height,
        width=size[0],
        height=size[1],
        media_type="image/jpeg",
        base64=pybase64.b64encode(sent),
        flags=picture.flags,
        perceptual_hash=phash,
        sharpness=sharpness,
    )
