from __future__ import annotations

import pytest

from pipeline.core.batch_usage import TokenSums, batch_usage, beyond, difference_words


@pytest.mark.parametrize(
    ("value", "sums"),
    [
        ({"input_tokens": 30, "output_tokens": 4, "total_tokens": 34}, TokenSums(30, 4)),
        ({"prompt_tokens": 30, "completion_tokens": 4}, TokenSums(30, 4)),
        ({"input_tokens": 30, "output_tokens": 4, "total_tokens": 40}, TokenSums(30, 10)),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, None),
        ({"input_tokens": -3, "output_tokens": 4}, None),
        ({"input_tokens": "30", "output_tokens": 4}, None),
        ({"input_tokens": 10**20, "output_tokens": 4}, None),
        ({}, None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_sums_of_a_batch(value: object, sums: TokenSums | None) -> None:
    assert batch_usage(value) == sums


def test_only_what_the_service_counts_more_is_beyond() -> None:
    lines = TokenSums(100, 10)
    assert beyond(TokenSums(150, 10), lines) == TokenSums(50, 0)
    assert beyond(TokenSums(50, 30), lines) == TokenSums(0, 20)
    assert beyond(TokenSums(50, 10), lines) is None
    assert beyond(None, lines) is None


def test_a_difference_is_said_in_either_direction() -> None:
    lines = TokenSums(100, 10)
    assert difference_words(lines, lines) == difference_words(None, lines) == ""
    for service in (TokenSums(150, 10), TokenSums(50, 10)):
        assert "the dearer of the two counts" in difference_words(service, lines)
