from __future__ import annotations

from pipeline.core.skipped_files import (
    TEXT_SUFFIXES,
    beside_images,
    stray_counts,
    unopened_containers,
)


def test_texts_beside_images_are_no_strays() -> None:
    skipped = {beside_images(suffix): 2 for suffix in TEXT_SUFFIXES} | {".txt": 1, "(hidden)": 3}
    assert stray_counts(skipped) == {".txt": 1, "(hidden)": 3}
    assert not stray_counts({})


def test_archives_that_are_not_opened_are_said_with_the_command() -> None:
    assert unopened_containers({".txt": 3, "(hidden)": 1}) == ""
    sentence = unopened_containers({".parquet": 1, ".zip": 1200})
    assert sentence.startswith("not opened: 1,200 .zip, 1 .parquet; ")
    assert "'captionmill run FILE'" in sentence
