"""PAM, the PNM of any number of samples a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.pam import read_pam_header
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, distance, photo

RECIPE = Recipe(LongSide(200), quality=100, subsampling="444")


def _pam(samples: np.ndarray, highest: int = 255, kind: str = "") -> bytes:
    """File of height x width x depth samples."""
    height, width, depth = samples.shape
    lines = ["P7", "# made by hand", f"WIDTH {width}", f"HEIGHT {height}", f"DEPTH {depth}"]
    lines += [f"MAXVAL {highest}", *([f"TUPLTYPE {kind}"] if kind else []), "ENDHDR"]
    pixels = samples.astype(">u2" if highest > 255 else "u1").tobytes()
    return ("\n".join(lines) + "\n").encode() + pixels


@pytest.mark.parametrize("highest", [255, 65535, 1023, 63])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_samples_of_every_depth_are_read(mode: str, highest: int) -> None:
    image = photo(61, 33)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.convert(mode)
    samples = np.asarray(image).reshape(33, 61, -1)
    prepared = prepare_image(_pam(np.round(samples * (highest / 255)), highest), RECIPE)
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    assert distance(prepared, white.convert("RGB")) < 2.5
    assert isinstance(prepared, PreparedImage)
    assert (prepared.source_format, prepared.flags) == ("PNM", ())


def test_one_bit_is_black_or_white() -> None:
    image = photo(61, 33).convert("1")
    data = _pam(np.asarray(image)[..., None], 1, "BLACKANDWHITE")
    assert distance(prepare_image(data, RECIPE), image.convert("RGB")) < 8


def test_what_is_cut_is_refused_at_every_length_and_what_is_longer_is_flagged() -> None:
    data = _pam(np.asarray(photo(31, 9)))
    for end in range(3, len(data)):
        prepared = prepare_image(data[:end], RECIPE)
        assert isinstance(prepared, RejectedImage), end
        assert prepared.rejection.code == "truncated"
    longer = prepare_image(data + b"abc", RECIPE)
    assert isinstance(longer, PreparedImage)
    assert longer.flags == ("length_differs",)
    assert not prepare_image(data + data, RECIPE).flags  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_pam(np.zeros((9, 9, 4)), kind="CMYK"), "unsupported_format"),
        (_pam(np.zeros((9, 9, 7))), "unsupported_format"),
        (_pam(np.zeros((9, 9, 3)), 0), "damaged"),
        (_pam(np.full((9, 9, 3), 200), 100), "damaged"),
    ],
)
def test_what_makes_no_sense_has_its_reason(data: bytes, code: str) -> None:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, RejectedImage)
    assert prepared.rejection.code == code


def test_the_header_says_where_the_pixels_end() -> None:
    data = _pam(np.zeros((3, 4, 2)), 65535)
    assert read_pam_header(data).end == len(data)
