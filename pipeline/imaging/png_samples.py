"""Samples of a PNG as the file has them.

Pillow drops the lower eight of sixteen bits in colour, and compares the transparent grey of few
bits with levels that it has widened already.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from pipeline.imaging.modes import to_plain
from pipeline.imaging.plugins import open_image
from pipeline.imaging.sample_range import Declared, Samples, to_eight_bits

_DEPTH, _COLOUR = 24, 25  # places in the file
_GREY, _TRUE, _GREY_ALPHA, _TRUE_ALPHA = 0, 2, 4, 6
_WIDENED = {1: 255, 2: 85, 4: 17, 8: 1, 16: 1}
_LOWER_BYTES = {_TRUE: "RGB;16L", _TRUE_ALPHA: "RGBA;16L"}  # those of big-endian samples
_HEADER = slice(12, 29)  # kind and content of the chunk IHDR
_DARK_HIGH_BYTE = 64  # no sample of at most 14 bits has more
_BEFORE_PIXELS = 33
_Key = int | tuple[int, ...] | bytes | None


def plain_png(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Loaded PNG in mode RGB, RGBA or L, with flags when its range was guessed (`sample_range`) or
    its transparent colour is not what Pillow takes it for."""
    depth, colour = data[_DEPTH], data[_COLOUR]
    declared = Declared(_significant_bits(data), bool(image.info.keys() & {"icc_profile", "srgb"}))
    key = image.info.get("transparency")
    if depth < 16 or colour == _GREY:
        with _key(image, _widened(key, depth) if image.mode != "P" else key) as flags:
            plain, more = to_plain(image, declared)
        return plain, flags + more
    with _key(image, None):
        plain, _ = to_plain(image)
    dark = np.asarray(image)[..., :3].max(initial=0) < _DARK_HIGH_BYTE
    if key is None and not dark:
        return plain, ()
    samples = _deep_samples(image, data, colour)
    colours, flags = to_eight_bits(samples, declared)
    if "range_stretched" in flags:
        plain = _with_alpha_of(plain, colours)
    if isinstance(key, tuple):
        alpha = np.where((samples == np.array(key)).all(axis=-1), 0, 255).astype(np.uint8)
        plain = plain.convert("RGB")
        plain.putalpha(Image.fromarray(alpha))
        flags += ("colour_key",)
    return plain, flags


@contextmanager
def _key(image: Image.Image, key: _Key) -> Iterator[tuple[str, ...]]:
    """Another transparent colour for the time of a conversion; gives a flag when it differs."""
    info = image.info
    image.info = {name: value for name, value in info.items() if name != "transparency"}
    if key is not None:
        image.info["transparency"] = key
    try:
        yield () if key == info.get("transparency") else ("colour_key",)
    finally:
        image.info = info


def _widened(key: _Key, depth: int) -> _Key:
    """Transparent grey or colour as wide as Pillow's samples; bits above its depth do not count."""
    if isinstance(key, tuple):
        return tuple(_wide(number, depth) for number in key)
    return _wide(key, depth) if isinstance(key, int) else key


def _wide(number: int, depth: int) -> int:
    return (number & ((1 << depth) - 1)) * _WIDENED[depth]


def _with_alpha_of(plain: Image.Image, colours: Samples) -> Image.Image:
    stretched = Image.fromarray(colours)
    if plain.mode == "RGBA":
        stretched.putalpha(plain.getchannel("A"))
    return stretched


def _significant_bits(data: bytes) -> int | None:
    """Most bits that the chunk sBIT gives for a channel, None without one."""
    at = data.find(b"sBIT", _BEFORE_PIXELS, max(data.find(b"IDAT", _BEFORE_PIXELS), 0))
    length = int.from_bytes(data[at - 4 : at], "big") if at > 0 else 0
    return max(data[at + 4 : at + 4 + length]) if 1 <= length <= 4 else None


def _deep_samples(image: Image.Image, data: bytes, colour: int) -> Samples:
    """Samples of sixteen bits of the colours: height x width x 3, or x 1 for grey."""
    if colour == _GREY_ALPHA:
        pairs = np.asarray(open_image(_as_bytes(data), "PNG")).astype(np.uint16)
        samples: Samples = pairs[..., :1] << 8 | pairs[..., 1:2]
        return np.repeat(samples, 3, axis=2)
    lower: Any = open_image(data, "PNG")
    lower.tile = [tile._replace(args=_LOWER_BYTES[colour]) for tile in lower.tile]
    high, low = (np.asarray(half)[..., :3] for half in (image, lower))
    return np.asarray(high.astype(np.uint16) << 8 | low)


def _as_bytes(data: bytes) -> bytes:
    """File of grey and alpha in sixteen bits as one of four channels in eight: as many bytes a
    pixel, filtered in the same way."""
    header = bytearray(data[_HEADER])
    header[12:14] = bytes((8, _TRUE_ALPHA))
    checksum = zlib.crc32(header).to_bytes(4, "big")
    return data[: _HEADER.start] + header + checksum + data[_HEADER.stop + 4 :]
