from __future__ import annotations

from pipeline.core.skipped_files import TEXT_SUFFIXES, beside_images, strays


def test_texts_beside_images_are_no_strays() -> None:
    skipped = {beside_images(suffix): 2 for suffix in TEXT_SUFFIXES} | {".txt": 1, "(hidden)": 3}
    assert strays(skipped) == {".txt": 1, "(hidden)": 3}
    assert not strays({})
