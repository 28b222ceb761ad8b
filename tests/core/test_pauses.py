from __future__ import annotations

import pytest

from pipeline.core.pauses import is_passing, pause_asked, retry_after, seconds_of, shown_span

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({}, "", None),
        ({"retry-after": "3"}, "", 3),
        ({"retry-after-ms": "20", "retry-after": "3"}, "", 0.02),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-1"}, "", None),
        ({"retry-after": "Mon, 21 Sep 2026 14:14:20 GMT"}, "", 60),
        ({"retry-after": "1"}, "Please try again in 7h12m0s.", 25_920),
        ({}, "Please retry in 1.2s.", 1.2),
        ({}, "Limit 30000, Used 29000, Requested 2000. Please try again in 20ms.", 0.02),
        ({}, "wait 30 seconds", 30),
        ({}, "try again later. Limit 3", None),
        ({}, '{"details": [{"@type": "x.RetryInfo", "retryDelay": "41s"}]}', 41),
        ({"retry-after": "99999999"}, "", 7 * 86_400),
    ],
)
def test_how_long_a_service_asks_to_wait(
    headers: dict[str, str], text: str, seconds: float | None
) -> None:
    assert pause_asked(headers, text, NOW) == seconds


def test_a_date_that_has_passed_asks_for_nothing() -> None:
    assert retry_after({"retry-after": "Mon, 21 Sep 2020 14:14:20 GMT"}, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360), ("20ms", 0.02), ("1.5s", 1.5), ("7h12m0s", 25_920), ("1d", 86_400),
        ("12", 12), ("1 minute and 3 seconds", 63), ("soon", None), ("", None), ("-1", None),
        ("3 parsecs", None),
    ],
)  # fmt: skip
def test_spans_of_time(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_words_of_a_limit_that_passes() -> None:
    assert is_passing("You exceeded your current quota. Please retry in a moment")
    assert is_passing("see https://help.aliyun.com/error-code#token-limit")
    assert is_passing("Quota exceeded for requests per minute")
    spent = "You exceeded your current quota, please check your plan and billing details."
    assert not is_passing(spent)


def test_spans_for_people() -> None:
    assert [shown_span(s) for s in (0.2, 42.3, 200, 7300)] == ["1 s", "43 s", "4 min", "2 h 2 min"]
