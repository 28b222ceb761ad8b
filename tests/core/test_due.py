from __future__ import annotations

import pytest

from pipeline.core.due import failed_of, total_failure


@pytest.mark.parametrize(
    "due",
    [{}, {"captioned": 3}, {"duplicate": 1, "failed": 9}, {"pending": 1, "failed": 9}],
)
def test_a_run_that_has_captioned_or_still_may_has_not_failed(due: dict[str, int]) -> None:
    assert total_failure(due) == ""


def test_what_is_pending_has_not_failed() -> None:
    due = {"captioned": 1, "duplicate": 2, "pending": 4, "failed": 8, "vanished": 16}
    assert failed_of(due) == 24


def test_a_total_failure_says_what_became_of_the_images_and_what_to_type() -> None:
    assert total_failure({"failed": 1500, "rejected": 2}) == (
        "none of the 1,502 images that were due has a caption: 2 rejected, 1,500 failed; mend the "
        "cause, then 'captionmill retry --outcome failed' lets them go again"
    )
    assert total_failure({"length": 1}) == (
        "the image that was due has no caption: 1 length; the caption is cut off: raise "
        "--max-tokens; then 'captionmill retry --outcome length' lets them go again"
    )
    assert total_failure({"rejected": 3}).endswith("rejects.csv in the workspace says why")
    assert "disk" in total_failure({"vanished": 3})


def test_answers_that_only_lack_a_known_ending_are_not_to_be_bought_again() -> None:
    sentence = total_failure({"invalid": 7, "length": 1}, "write whole_endings")
    assert sentence.endswith("7 invalid; write whole_endings")
    assert "retry --outcome length" in total_failure({"invalid": 1, "length": 7}, "write it")
