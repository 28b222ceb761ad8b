from __future__ import annotations

import pytest

from pipeline.core.limit_headers import MINUTE, SECOND, Limit, WindowGuess, read_limits


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        ({}, []),
        (
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "6m0s",
            },
            [Limit("requests", None, 60, 59, 360)],
        ),
        ({"X-RateLimit-Limit-Tokens": "9"}, [Limit("tokens", None, 9, None, None)]),
        ({"X-RateLimit-Limit-Second": "5"}, [Limit("requests", SECOND, 5, None, None)]),
        ({"x-ratelimitbysecond-limit": "5"}, [Limit("requests", SECOND, 5, None, None)]),
        (
            {"x-ratelimit-remaining-tokens-minute": "7"},
            [Limit("tokens", MINUTE, None, 7, None)],
        ),
        ({"x-ratelimit-limit": "5000"}, []),  # of an hour, or of whatever
        ({"x-ratelimit-limit-hour": "5000"}, []),
        ({"x-ratelimit-limit-requests": "many"}, [Limit("requests", None, None, None, None)]),
    ],
)
def test_what_the_headers_tell(headers: dict[str, str], limits: list[Limit]) -> None:
    assert list(read_limits(headers)) == limits


def guessed(*answers: tuple[float, int, int, float], recent: int = 20) -> float:
    """The window after answers of (now, limit, left, reset)."""
    guess = WindowGuess()
    for now, limit, left, reset in answers:
        guess.learn(now, Limit("requests", None, limit, left, reset), recent)
    return guess.window


def test_refusals_show_that_it_is_no_second() -> None:
    guess = WindowGuess()
    short = Limit("requests", None, 20, 19, 1.0)
    assert not guess.refused()
    guess.learn(0, short, 1)
    assert guess.learn(3, short, 1) == SECOND
    assert [guess.refused() for _ in range(3)] == [False, False, True]
    assert [guess.learn(now, short, 1) for now in (10, 13, 16)] == [MINUTE] * 3


def test_a_second_shows_in_how_soon_the_allowance_is_whole_again() -> None:
    assert guessed((0, 20, 19, 1.0), (3, 20, 19, 0.9)) == SECOND
    assert guessed((0, 20, 0, 0.5), (2, 20, 0, 0.5)) == SECOND
    assert guessed((0, 20, 19, 1.0)) == MINUTE  # once may be chance
    assert guessed((0, 20, 19, 1.0), (1, 20, 18, 1.0)) == MINUTE
    assert guessed((0, 20, 19, 1.0), (60, 20, 19, 0.9)) == MINUTE  # the ends of two minutes
    assert guessed((0, 600, 599, 0.1), (9, 600, 595, 0.5)) == MINUTE  # a minute's, evenly
    assert guessed((0, 20, 19, 1.0), (3, 20, 19, 1.0), (4, 20, 19, 9.0)) == MINUTE
    sliding = [(now, 60, 3, 0.8) for now in (0.0, 3.0, 6.0)]  # the oldest of a minute leaves soon
    assert guessed(*sliding, recent=3) == MINUTE
