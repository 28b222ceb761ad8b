"""The floor, the product and its peers: each a function from a path to a small JPEG.

Each gives the bytes it made, so that quality and size can be compared. Peers that are not
installed are left out and named.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pybase64
import simplejpeg
from PIL import Image, ImageOps

from pipeline.core.recipe import Recipe
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from pipeline.imaging.prepare import prepare_file
from pipeline.records import PreparedImage

Way = Callable[[str], bytes]
QUALITY = 85


@dataclass(frozen=True, slots=True)
class LongSide:
    """The plainest size policy, so that every way makes the same number of pixels."""

    side: int

    def choose(self, width: int, height: int) -> tuple[int, int]:
        """Long side at most `side`, the shape kept."""
        share = min(1.0, self.side / max(width, height))
        return max(1, round(width * share)), max(1, round(height * share))

    def canonical(self) -> dict[str, object]:
        """The one number."""
        return {"long_side": self.side}


def floor(side: int) -> Way:
    """Read, hash, libjpeg-turbo's scaled decoding to at least the target, encode; no resampling."""

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        w, h = LongSide(side).choose(width, height)
        pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=h, min_width=w)
        return bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "RGB", "420"))

    return run


def ours(side: int) -> Way:
    """`prepare_file`, with everything that it does: identities, base64, records."""
    recipe = Recipe(LongSide(side), quality=QUALITY)

    def run(path: str) -> bytes:
        prepared = prepare_file(path, recipe)
        assert isinstance(prepared, PreparedImage), prepared
        return prepared.base64

    return run


def ours_sized(side: int) -> Way:
    """The same with the product's own size policy."""
    recipe = Recipe(bind_size(SizePolicy("long_side", side), None, "high"), quality=QUALITY)

    def run(path: str) -> bytes:
        prepared = prepare_file(path, recipe)
        assert isinstance(prepared, PreparedImage), prepared
        return prepared.base64

    return run


def jpeg_of(made: bytes) -> bytes:
    """What a way made as a JPEG: ours gives base64, as it is sent."""
    return made if made.startswith(b"\xff\xd8") else pybase64.b64decode(made)


def naive_pillow(side: int) -> Way:
    """Open, turn, convert, resize with Lanczos, save."""

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        size = LongSide(side).choose(*image.size)
        if size != image.size:
            image = image.resize(size, Image.Resampling.LANCZOS)
        return _saved(image)

    return run


def pillow_thumbnail(side: int) -> Way:
    """`Image.thumbnail` with its default reducing_gap of 2."""

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        image = Image.open(io.BytesIO(data))
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return _saved(ImageOps.exif_transpose(image).convert("RGB"))

    return run


def opencv(side: int) -> Way:
    """OpenCV's reduced decoding, then area interpolation."""
    import cv2

    cv2.setNumThreads(1)
    reduced = {8: 64 | 1, 4: 32 | 1, 2: 16 | 1, 1: cv2.IMREAD_COLOR}

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        size = LongSide(side).choose(width, height)
        scale = next(s for s in (8, 4, 2, 1) if max(width, height) / s >= side or s == 1)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), reduced[scale])
        if (image.shape[1], image.shape[0]) != size:
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

    return run


def vips(side: int) -> Way:
    """libvips' thumbnail operation."""
    import pyvips

    pyvips.cache_set_max(0)

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        image = pyvips.Image.thumbnail_buffer(data, side, height=side, size="down")
        return bytes(image.jpegsave_buffer(Q=QUALITY, strip=True))

    return run


def img2dataset(side: int) -> Way:
    """img2dataset's resizer, mode keep_ratio_largest, only when larger."""
    from img2dataset.resizer import Resizer

    resizer = Resizer(
        image_size=side,
        resize_mode="keep_ratio_largest",
        resize_only_if_bigger=True,
        encode_quality=QUALITY,
        skip_reencode=False,
    )

    def run(path: str) -> bytes:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        encoded, *_, error = resizer(io.BytesIO(data))
        assert error is None, error
        return bytes(encoded)

    return run


def _saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


WAYS: dict[str, Callable[[int], Way]] = {
    "floor": floor,
    "captionmill": ours,
    "captionmill, own sizes": ours_sized,
    "OpenCV reduced + area": opencv,
    "pyvips thumbnail": vips,
    "Pillow thumbnail": pillow_thumbnail,
    "img2dataset resizer": img2dataset,
    "naive Pillow": naive_pillow,
}


def installed(side: int) -> tuple[dict[str, Way], list[str]]:
    """The ways that can be run here, and the names of those that cannot."""
    ways: dict[str, Way] = {}
    missing: list[str] = []
    for name, make in WAYS.items():
        try:
            ways[name] = make(side)
        except ImportError:
            missing.append(name)
    return ways, missing
