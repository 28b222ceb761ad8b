from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.rate_limit import Bucket, RateLimiter


def told(limit: int, left: int, kind: str = "requests", reset: str = "1s") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(limit),
        f"x-ratelimit-remaining-{kind}": str(left),
        f"x-ratelimit-reset-{kind}": reset,
    }


def departures(
    rate_limiter: RateLimiter, count: int, tokens: int, step: float = 0.001
) -> list[float]:
    """When requests go that are answered at once."""
    now, gone = 0.0, []
    while len(gone) < count:
        delay = rate_limiter.delay(now, tokens, 0)
        assert delay is not None
        if delay:
            now += max(delay, step)
            continue
        rate_limiter.sent(now, tokens)
        rate_limiter.answered(now, {})
        gone.append(now)
    return gone


@given(st.integers(1, 20_000), st.integers(1, 300))
def test_no_minute_holds_more_than_the_limit(limit: int, count: int) -> None:
    gone = departures(RateLimiter(32, limit), count, 100)
    for number, start in enumerate(gone):
        within = [t for t in gone[number:] if t < start + 60]
        assert len(within) <= max(limit, 1)


def test_nearly_all_of_the_limit_is_used() -> None:
    gone = departures(RateLimiter(32, 600), 2000, 100)
    assert 2000 / (gone[-1] / 60) >= 0.9 * 600


def test_tokens_are_a_limit_of_their_own() -> None:
    gone = departures(RateLimiter(32, None, 60_000), 600, 300)
    assert 0.9 * 60_000 <= 600 * 300 / (gone[-1] / 60) <= 1.05 * 60_000


def test_a_request_larger_than_the_allowance_goes_when_it_is_full() -> None:
    bucket = Bucket.of(1000, 0.0)
    assert bucket.delay(0.0, 5000) == 0
    bucket.take(0.0, 5000)
    assert bucket.delay(0.0, 10) > 60


def test_the_first_request_goes_alone_then_the_limits_are_known() -> None:
    rate_limiter = RateLimiter(8)
    assert rate_limiter.delay(0, 100, 0) == 0
    rate_limiter.sent(0, 100)
    assert rate_limiter.delay(0, 100, 1) is None
    rate_limiter.answered(0.5, told(60, 59))
    assert rate_limiter.delay(0.5, 100, 7) == 0
    rate_limiter.sent(0.5, 100)
    assert rate_limiter.delay(0.5, 100, 7) > 0.2  # about one a second
    assert rate_limiter.delay(0.5, 100, 8) is None


def test_the_smaller_of_the_configured_and_the_told_limit_counts() -> None:
    for configured, said in ((60, 6000), (6000, 60)):
        rate_limiter = RateLimiter(8, configured)
        rate_limiter.delay(0, 1, 0)
        rate_limiter.sent(0, 1)
        rate_limiter.answered(0, told(said, said - 1))
        while rate_limiter.delay(0, 1, 0) == 0:
            rate_limiter.sent(0, 1)
        assert rate_limiter.delay(0, 1, 0) > 0.2


def test_nothing_goes_when_nothing_is_left() -> None:
    rate_limiter = RateLimiter(8)
    rate_limiter.answered(10, told(60, 0, "tokens", "300ms"))
    assert rate_limiter.delay(10, 1, 0) == 0.3000000000000007
    rate_limiter.answered(20, told(60, 0, "tokens", "6m0s"))
    assert rate_limiter.delay(20, 1, 0) == 1.0


def test_a_refusal_is_waited_out_as_long_as_was_asked() -> None:
    rate_limiter = RateLimiter(8)
    rate_limiter.answered(0, {})
    rate_limiter.refused(1, 7.5)
    assert rate_limiter.delay(1, 1, 0) == 7.5
    assert rate_limiter.delay(8.5, 1, 0) == 0


def test_refusals_that_come_together_count_once_and_halve_the_width() -> None:
    rate_limiter = RateLimiter(8)
    rate_limiter.answered(0, {})
    for _ in range(8):
        rate_limiter.refused(1, 5)
    assert rate_limiter.rounds == 1
    assert rate_limiter.delay(6, 1, 3) == 0
    assert rate_limiter.delay(6, 1, 4) is None
    rate_limiter.answered(6, {})
    assert rate_limiter.rounds == 0
    for _ in range(40):
        rate_limiter.answered(7, {})
    assert rate_limiter.delay(7, 1, 7) == 0


def test_trouble_pauses_longer_and_longer_and_ends() -> None:
    rate_limiter, now, pauses = RateLimiter(8), 0.0, []
    while not rate_limiter.given_up:
        rate_limiter.troubled(now)
        delay = rate_limiter.delay(now, 1, 0)
        assert delay is not None
        pauses.append(delay)
        now += delay
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


@given(st.dictionaries(st.sampled_from(list(told(1, 1))), st.text(max_size=20)))
def test_odd_headers_are_passed_over(headers: dict[str, str]) -> None:
    rate_limiter = RateLimiter(4)
    rate_limiter.answered(0, headers)
    assert rate_limiter.delay(0, 1, 0) is not None


class Window:
    """A service that counts `each` tokens a request in a sliding minute."""

    def __init__(self, limit: int, each: int, others: int = 0) -> None:
        self.limit, self.each, self.others = limit, each, others
        self.recent: deque[float] = deque()

    def ask(self, now: float) -> dict[str, str] | None:
        while self.recent and self.recent[0] <= now - 60:
            self.recent.popleft()
        used = (len(self.recent) + 1) * self.each + self.others
        if used > self.limit:
            return None
        self.recent.append(now)
        reset = f"{self.recent[0] + 60 - now:.3f}s"
        return told(self.limit, self.limit - used, "tokens", reset)


class Filling(Window):
    """A service whose allowance fills evenly."""

    def __init__(self, limit: int, each: int) -> None:
        super().__init__(limit, each)
        self.level, self.at = float(limit), 0.0

    def ask(self, now: float) -> dict[str, str] | None:
        self.level = min(self.limit, self.level + (now - self.at) * self.limit / 60)
        self.at = now
        if self.level < self.each:
            return None
        self.level -= self.each
        reset = f"{(1 - self.level / self.limit) * 60:.3f}s"
        return told(self.limit, int(self.level), "tokens", reset)


@pytest.mark.parametrize(
    ("service", "most_refused"),
    [(Window(60_000, 70), 0), (Window(60_000, 180), 30), (Filling(60_000, 70), 120)],
    ids=["fewer", "more", "filling"],
)
def test_tokens_that_the_service_counts_otherwise(service: Window, most_refused: int) -> None:
    rate_limiter, now, done, refused = RateLimiter(8), 0.0, 0, 0
    while done < 4000:
        delay = rate_limiter.delay(now, 120, 0)
        assert delay is not None
        if delay:
            now += max(delay, 0.001)
            continue
        rate_limiter.sent(now, 120)
        headers = service.ask(now)
        if headers is None:
            refused += 1
            rate_limiter.refused(now, 0.5)
        else:
            done += 1
            rate_limiter.answered(now, headers, 120)
    assert done * service.each / (now / 60) >= 0.9 * service.limit
    assert refused <= most_refused


def test_room_is_left_for_others_on_the_same_account() -> None:
    service, rate_limiter, now = Window(60_000, 100, others=30_000), RateLimiter(8), 0.0
    for _ in range(20_000):
        delay = rate_limiter.delay(now, 100, 0) or 0.0
        now += max(delay, 0.001)
        if not delay:
            rate_limiter.sent(now, 100)
            headers = service.ask(now)
            if headers is None:
                rate_limiter.refused(now, 1)
            else:
                rate_limiter.answered(now, headers, 100)
    assert len(service.recent) * 100 <= 30_000
    assert len(service.recent) * 100 >= 15_000


def test_a_pause_that_is_too_short_does_not_use_up_the_rounds() -> None:
    rate_limiter, now = RateLimiter(8), 0.0
    while not rate_limiter.given_up:
        rate_limiter.refused(now, 0.02)
        now += rate_limiter.pause(now)
    assert now > 120


def test_a_pause_that_is_too_long_is_not_waited_for() -> None:
    rate_limiter = RateLimiter(8, longest_pause=600)
    rate_limiter.refused(0, 600)
    assert not rate_limiter.given_up
    assert rate_limiter.pause(0) == 600
    rate_limiter.refused(600, 601)
    assert rate_limiter.given_up
    assert rate_limiter.too_long_pause == 601


def seconds_for(headers: dict[str, str], count: int) -> float:
    """How long requests take that are answered at once, with the same headers each."""
    rate_limiter, now = RateLimiter(32), 0.0
    for _ in range(count):
        while delay := rate_limiter.delay(now, 1, 0):
            now += max(delay, 0.001)
        rate_limiter.sent(now, 1)
        rate_limiter.answered(now, headers)
    return now


def test_a_limit_of_a_second_is_one_of_a_second() -> None:
    assert seconds_for(told(20, 19, reset="1s"), 100) < 12
    assert seconds_for({"X-RateLimit-Limit-Second": "20"}, 100) < 6
    assert seconds_for({"x-ratelimit-limit-req-minute": "1200"}, 100) < 6
    both = {"x-ratelimit-limit-second": "100", "x-ratelimit-limit-minute": "60"}
    assert seconds_for(both, 100) > 90
    assert seconds_for(told(20, 19, reset="3s"), 100) > 290  # a minute's


def test_a_configured_limit_of_a_minute_stands_below_one_of_a_second() -> None:
    rate_limiter, now = RateLimiter(32, 60), 0.0
    for _ in range(60):
        while delay := rate_limiter.delay(now, 1, 0):
            now += max(delay, 0.001)
        rate_limiter.sent(now, 1)
        rate_limiter.answered(now, {"x-ratelimit-limit-second": "20"})
    assert now > 55
