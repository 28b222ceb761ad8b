"""Deflated strips of a TIFF that are unpacked here, against libtiff."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.plugins import open_image
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.tiff_inflated import load_inflated
from pipeline.records import RejectedImage
from tests.imaging.builders import exif
from tests.imaging.drawing import LongSide, encoded, photo


def _deflated(mode: str, **tags: int) -> bytes:
    image = photo(301, 200)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.quantize(200) if mode == "P" else image.convert(mode)
    return encoded(
        image, "TIFF", compression="tiff_adobe_deflate", strip_size=9000,
        tiffinfo={int(tag[1:]): value for tag, value in tags.items()},
    )  # fmt: skip


@pytest.mark.parametrize("tags", [{}, {"t317": 2}, {"t274": 6}, {"t274": 3, "t317": 2}])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_samples_are_those_of_libtiff(mode: str, tags: dict[str, int]) -> None:
    data = _deflated(mode, **tags)
    ours, theirs = open_image(data, "TIFF"), open_image(data, "TIFF")
    assert load_inflated(ours, data) == (tags.get("t274") != 6), "turned ones are left to it"
    theirs.load()
    ours.load()
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_what_is_cut_or_has_another_checksum_is_left_to_libtiff_and_refused() -> None:
    data = _deflated("RGB")
    image = open_image(data, "TIFF")
    at, length = image.tag_v2[273][1], image.tag_v2[279][1]  # type: ignore[attr-defined]
    broken = bytearray(data)
    broken[at + length - 1] ^= 1
    assert not load_inflated(open_image(bytes(broken), "TIFF"), bytes(broken))
    prepared = prepare_image(bytes(broken), Recipe(LongSide(96)))
    assert isinstance(prepared, RejectedImage)
    assert prepared.rejection.code == "damaged"


def test_other_pages_are_left_alone() -> None:
    for data in (encoded(photo(), "TIFF"), encoded(photo(), "TIFF", compression="tiff_lzw")):
        assert not load_inflated(open_image(data, "TIFF"), data)
    assert not load_inflated(Image.new("RGB", (9, 9)), exif(1))
