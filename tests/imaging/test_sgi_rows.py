"""Packed SGI without a 0 behind its rows, as FFmpeg writes it."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.sgi_rows import with_ended_rows
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, distance, photo
from tests.imaging.packed_files import sgi

RECIPE = Recipe(LongSide(200), quality=100, subsampling="444")


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("size", [1, 2])
def test_rows_end_where_the_table_says(ended: bool, size: int) -> None:
    image = photo(61, 33)
    prepared = prepare_image(sgi(image, ended=ended, size=size), RECIPE)
    assert distance(prepared, image) < 1.5
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()


def test_rows_that_are_ended_stay_as_they_are() -> None:
    data = sgi(photo(61, 33))
    assert with_ended_rows(data) is data


def test_what_is_cut_is_refused_at_every_length() -> None:
    data = sgi(photo(31, 9), ended=False)
    for end in range(12, len(data), 7):
        assert isinstance(prepare_image(data[:end], RECIPE), RejectedImage), end
