from __future__ import annotations

import pytest

from pipeline.core.batch_usage import (
    LineSums,
    TokenSums,
    batch_usage,
    difference_words,
    tokens_beyond,
)


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
    assert tokens_beyond(TokenSums(150, 10), lines) == TokenSums(50, 0)
    assert tokens_beyond(TokenSums(50, 30), lines) == TokenSums(0, 20)
    assert tokens_beyond(TokenSums(50, 10), lines) is None
    assert tokens_beyond(None, lines) is None


def test_a_difference_is_said_in_either_direction() -> None:
    lines = TokenSums(100, 10)
    assert difference_words(lines, lines) == difference_words(None, lines) == ""
    for service in (TokenSums(150, 10), TokenSums(50, 10)):
        assert "the dearer of the two counts" in difference_words(service, lines)


def test_tokens_that_lines_do_not_explain_are_those_of_one_more_request_at_least() -> None:
    sums = LineSums()
    assert sums.unexplained_by(TokenSums(1, 0)) == 1  # no line at all
    assert sums.unexplained_by(None) == 0
    for prompt, completion in ((100, 10), (80, 5)):
        sums.add(prompt, completion)
    assert sums.unexplained_by(TokenSums(180, 15)) == 0
    assert sums.unexplained_by(TokenSums(259, 400)) == 0
    assert sums.unexplained_by(TokenSums(260, 20)) == 85
    sums.known = False
    assert sums.unexplained_by(TokenSums(260, 20)) == 0
