import pytest

from pipeline.core.words import counted


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "image", "", "0 images"),
        (1, "image", "", "1 image"),
        (2, "image", "", "2 images"),
        (1, "batch", "batches", "1 batch"),
        (1_234_567, "batch", "batches", "1,234,567 batches"),
    ],
)
def test_one_thing_and_many(number: int, noun: str, plural: str, text: str) -> None:
    assert counted(number, noun, plural) == text
