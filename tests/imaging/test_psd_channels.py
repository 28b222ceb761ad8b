"""Channels of a PSD: colours, transparency, selections that were saved, and sixteen bits."""

from __future__ import annotations

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.psd_channels import with_shown_channels
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, distance, photo
from tests.imaging.packed_files import psd

RECIPE = Recipe(LongSide(200), quality=100, subsampling="444")
MASK = Image.linear_gradient("L").resize((61, 33))


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    image = image.convert("RGBA")
    image.putalpha(MASK)
    white.alpha_composite(image)
    return white.convert("RGB")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("further", [0, 1, 2])
@pytest.mark.parametrize("transparent", [False, True])
def test_the_first_further_channel_is_transparency_only_where_the_file_says_so(
    mode: str, packed: bool, depth: int, further: int, transparent: bool
) -> None:
    image = photo(61, 33).convert(mode)
    data = psd(image, packed=packed, depth=depth, further=[MASK] * further, transparent=transparent)
    expected = _on_white(image) if further and transparent else image.convert("RGB")
    prepared = prepare_image(data, RECIPE)
    assert distance(prepared, expected) < 2
    assert isinstance(prepared, PreparedImage)
    assert set(prepared.flags) <= {"samples_converted"}


@pytest.mark.parametrize("packed", [False, True])
def test_inks_and_bits_with_a_selection_that_was_saved(packed: bool) -> None:
    image = photo(61, 33)
    inks = psd(image.convert("CMYK"), packed=packed, further=[MASK])
    assert distance(prepare_image(inks, RECIPE), image) < 2
    bits = photo(64, 33).convert("1")
    plain = psd(bits, depth=1, packed=packed)
    assert distance(prepare_image(plain, RECIPE), bits.convert("RGB")) < 8


@pytest.mark.parametrize(("mode", "depth"), [("CMYK", 16), ("RGB", 32)])
def test_depths_that_are_not_read_are_unsupported_and_not_damaged(mode: str, depth: int) -> None:
    data = bytearray(psd(photo(61, 33).convert(mode)))
    data[22:24] = depth.to_bytes(2, "big")
    prepared = prepare_image(bytes(data), RECIPE)
    assert isinstance(prepared, RejectedImage)
    assert prepared.rejection.code == "unsupported_format"


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_cut_is_refused_at_every_length(packed: bool, depth: int) -> None:
    data = psd(photo(21, 9), packed=packed, depth=depth, further=[MASK.resize((21, 9))])
    for end in range(30, len(data)):
        assert isinstance(prepare_image(data[:end], RECIPE), RejectedImage), end


def test_colours_alone_stay_as_they_are() -> None:
    data = psd(photo(61, 33))
    assert with_shown_channels(data) is data
