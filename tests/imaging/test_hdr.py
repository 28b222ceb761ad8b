"""HDR and wide colours: known levels of BT.2408, and colours of other primaries."""

from __future__ import annotations

import io

import numpy as np
import pillow_heif
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.code_points import CodePoints
from pipeline.imaging.hdr import deciding_code_points, mapped_to_srgb
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging import builders
from tests.imaging.drawing import LongSide, encoded, quarters, shown

RECIPE = Recipe(LongSide(96), quality=95, subsampling="444")
PQ, HLG = CodePoints(9, 16), CodePoints(9, 18)


def _level(share: float, points: CodePoints) -> int:
    """Green of a grey pixel whose code is a share of the whole range."""
    pixels = np.full((1, 1, 3), round(255 * share), np.uint8)
    return int(mapped_to_srgb(pixels, points)[0][0, 0, 1])


@pytest.mark.parametrize(
    ("points", "share", "level"),
    [
        (PQ, 0.0, 0),
        (PQ, 0.38, 100),  # BT.2408: 26 nits are a grey of 18 % under a white of 203, here in sRGB
        (PQ, 0.58, 255),  # 203 nits
        (PQ, 0.75, 255),  # 1,000 nits
        (HLG, 0.0, 0),
        (HLG, 0.38, 100),
        (HLG, 0.75, 255),
        (HLG, 1.0, 255),
    ],
)
def test_white_is_at_203_nits(points: CodePoints, share: float, level: int) -> None:
    assert _level(share, points) == pytest.approx(level, abs=4)


def test_greys_stay_grey_and_rise() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for points in (PQ, HLG, CodePoints(12, 16), CodePoints(11, 13), CodePoints(12, 8)):
        after, _ = mapped_to_srgb(ramp, points)
        assert (np.ptp(after.astype(int), axis=2) <= 1).all(), points
        assert (np.diff(after[0, :, 1].astype(int)) >= 0).all(), points


def test_red_of_display_p3_is_redder_than_srgb_has_it() -> None:
    pixel = np.array([[[200, 60, 40]]], np.uint8)
    after, flags = mapped_to_srgb(pixel, CodePoints(12, 13))
    assert flags == ("colours_converted",)
    # as littlecms makes it of the profile Display P3
    assert np.abs(after[0, 0].astype(int) - (217, 45, 22)).max() <= 3


def test_primaries_and_encoding_of_srgb_change_nothing() -> None:
    pixel = np.array([[[200, 60, 40]]], np.uint8)
    for points in (CodePoints(1, 13), CodePoints(1, 1), CodePoints(6, 6), CodePoints(2, 13)):
        after, flags = mapped_to_srgb(pixel, points)
        assert (after == pixel).all()
        assert flags == ()


def test_a_profile_comes_first_but_in_a_png_and_for_hdr() -> None:
    wide = CodePoints(12, 13)
    assert deciding_code_points(wide, "AVIF", profile=True) is None
    assert deciding_code_points(wide, "AVIF", profile=False) == wide
    assert deciding_code_points(wide, "PNG", profile=True) == wide
    assert deciding_code_points(PQ, "HEIC", profile=True) == PQ
    assert deciding_code_points(CodePoints(2, 2), "PNG", profile=False) is None
    assert deciding_code_points(None, "PNG", profile=False) is None


def _steps(codes: list[float]) -> np.ndarray:
    """Grey patches side by side (64 x 20 each) in 16 bits."""
    row = np.repeat(np.round(np.array(codes) * 65535).astype(np.uint16), 64)
    return np.repeat(np.tile(row, (20, 1))[..., None], 3, axis=2)


def _pq_png(samples: np.ndarray, bits: int) -> bytes:
    return builders.png(samples, 2, bits, [(b"cICP", bytes((9, 16, 0, 1)))])


def _pq_heic(samples: np.ndarray) -> bytes:
    size = samples.shape[1], samples.shape[0]
    image = pillow_heif.from_bytes("RGB;16", size, samples.astype("<u2").tobytes())
    file = io.BytesIO()
    points = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9}
    image.save(file, format="HEIF", quality=95, full_range_flag=1, **points)
    return file.getvalue()


def _pq_avif(samples: np.ndarray) -> bytes:
    """Grey codes have the same bytes whatever the primaries: only the labels change."""
    from PIL import Image

    data = encoded(Image.fromarray((samples >> 8).astype(np.uint8)), "AVIF", quality=95)
    return data.replace(b"nclx\0\1\0\x0d", b"nclx\0\x09\0\x10", 1)


def test_pq_is_mapped_in_each_format() -> None:
    steps = _steps([0.1, 0.38, 0.58])
    eight = (steps >> 8).astype(np.uint8)
    files = [_pq_png(steps, 16), _pq_png(eight, 8), _pq_heic(steps), _pq_avif(steps)]
    for data in files:
        prepared = prepare_image(data, RECIPE)
        assert isinstance(prepared, PreparedImage)
        assert prepared.flags == ("hdr_converted",), prepared.source_format
        levels = [shown(prepared).getpixel((x, 5))[1] for x in (12, 48, 84)]
        assert levels[0] < 20, prepared.source_format
        assert levels[1] == pytest.approx(100, abs=6), prepared.source_format
        assert levels[2] > 250, prepared.source_format


def test_a_png_without_a_known_encoding_stays_as_it_is() -> None:
    chunk = (b"cICP", bytes((2, 2, 0, 1)))
    data = builders.png(np.asarray(quarters(40, 30)), 2, 8, [chunk])
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()
