from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.core.losses import LossRule, empty_sentence, is_doubtful, loss_sentence

RULE = LossRule()


@pytest.mark.parametrize(
    ("before", "after", "doubtful"),
    [
        (0, 0, False),
        (1, 0, True),  # whatever it was, nothing is left
        (19, 1, False),
        (20, 10, False),
        (20, 9, True),
        (1500, 0, True),
        (1500, 750, False),
        (1500, 749, True),
        (10, 30, False),
    ],
)
def test_a_loss_of_most_images_is_doubtful(before: int, after: int, doubtful: bool) -> None:
    assert is_doubtful(before, after, RULE) is doubtful


def test_a_person_or_the_configuration_takes_the_doubt_away() -> None:
    assert not is_doubtful(1500, 0, LossRule(accepted=True))
    assert not is_doubtful(1500, 0, LossRule(may_be_empty=True))
    assert is_doubtful(1500, 3, LossRule(may_be_empty=True))
    assert not is_doubtful(1500, 3, LossRule(share=Decimal(1)))
    assert is_doubtful(1500, 1300, LossRule(share=Decimal("0.1")))


def test_the_sentences_say_what_is_there_and_what_to_type() -> None:
    assert loss_sentence("photos", 1500, 0) == (
        "none of the 1,500 images of photos are there: is a disk not mounted? Their rows and "
        "captions stay as they are; if they are gone for good, run again with --accept-lost"
    )
    assert loss_sentence("photos", 30, 1).startswith("1 of the 30 images of photos is there")
    assert empty_sentence("notes", {".txt": 14}, {}).startswith("no images in notes: 14 .txt; is")
    assert empty_sentence("imgs", {}, {}).startswith("no images in imgs: it is empty; is it")
    table = empty_sentence("items.csv", {}, {"missing_file": 1, "outside_root": 12})
    assert table.startswith("no images in items.csv: 12 outside_root, 1 missing_file; ")
    assert table.endswith("--set input.allow_outside=true")
    assert "relative to its own folder" in empty_sentence("items.csv", {}, {"missing_file": 2})
    assert "--fetch" in empty_sentence("urls.txt", {}, {"url_not_enabled": 2})
