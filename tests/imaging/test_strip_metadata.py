from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from pipeline.imaging.strip_metadata import NotStripped, strip_metadata

_SECRET = b"Rua da Boavista 12"


def _photo(kind: str, orientation: int, **more: object) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = _SECRET.decode()
    exif.get_ifd(0x8825)[2] = (41.0, 9.0, 0.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = io.BytesIO()
    options = {"exif": exif, "icc_profile": profile, **more}
    Image.fromarray(noise).resize((240, 160)).save(data, kind, **options)
    return data.getvalue()


def _seen(data: bytes) -> tuple[bytes, object]:
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).tobytes(), image.info.get("icc_profile")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_picture_stays_and_the_place_goes(kind: str, orientation: int) -> None:
    more: dict[str, object] = {"xmp": b"<x>" + _SECRET + b"</x>"} if kind != "PNG" else {}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", _SECRET.decode())
        more = {"pnginfo": info}
    if kind == "JPEG":
        more["comment"] = _SECRET
    data = _photo(kind, orientation, **more)
    plain = strip_metadata(data)
    assert _SECRET in data
    assert _SECRET not in plain
    with Image.open(io.BytesIO(plain)) as image:
        exif = image.getexif()
        assert set(exif) <= {0x0112}
        assert not exif.get_ifd(0x8825)
    assert _seen(plain) == _seen(data)
    assert strip_metadata(plain) == plain


def test_what_hides_behind_the_picture_goes() -> None:
    data = _photo("JPEG", 1)
    plain = strip_metadata(data + b"MOVIE" + _SECRET)
    assert plain == strip_metadata(data)


def test_progressive_jpegs_and_animations() -> None:
    data = _photo("JPEG", 6, progressive=True)
    assert _seen(strip_metadata(data)) == _seen(data)
    frames = [Image.new("RGB", (20, 20), (n * 40, 9, 9)) for n in range(4)]
    moving = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = _SECRET.decode()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:], exif=exif)
    plain = strip_metadata(moving.getvalue())
    assert _SECRET not in plain
    with Image.open(io.BytesIO(plain)) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_other_formats_are_refused(kind: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (9, 9)).save(data, kind)
    with pytest.raises(NotStripped, match=kind):
        strip_metadata(data.getvalue())


_PHOTOS = {kind: _photo(kind, 6) for kind in ("JPEG", "PNG", "WEBP")}
"""Made once: a profile holds the time of its making, and so no two of them are as long."""


@given(st.sampled_from(sorted(_PHOTOS)), st.data())
def test_damage_is_refused_or_copied_and_nothing_else(kind: str, data: st.DataObject) -> None:
    photo = bytearray(_PHOTOS[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(12, len(photo) - 1))
        photo[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(photo) // 2, len(photo)))
    with contextlib.suppress(NotStripped):
        assert isinstance(strip_metadata(bytes(photo[:cut])), bytes)


def test_text_is_no_picture() -> None:
    with pytest.raises(NotStripped):
        strip_metadata(b"hello")
