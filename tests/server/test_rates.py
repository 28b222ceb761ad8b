from __future__ import annotations

import pytest

from pipeline.server.clock import ServerClock
from pipeline.server.rates import RequestRates
from pipeline.server.refusals import ApiError
from pipeline.server.settings import AccountLimits


def test_requests_and_their_headers() -> None:
    clock = ServerClock()
    limiter = RequestRates(AccountLimits(requests_per_minute=2, tokens_per_minute=100), clock)
    headers = limiter.admit(30)
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "1"
    assert headers["x-ratelimit-remaining-tokens"] == "70"
    assert headers["x-ratelimit-reset-tokens"].endswith("s")
    limiter.admit(30)
    with pytest.raises(ApiError, match="requests per min") as caught:
        limiter.admit(1)
    assert 0 < (caught.value.retry_after or 0) <= 60
    clock.advance(61)
    assert limiter.admit(1)["x-ratelimit-remaining-requests"] == "1"


def test_tokens() -> None:
    limiter = RequestRates(AccountLimits(tokens_per_minute=100), ServerClock())
    assert "x-ratelimit-limit-requests" not in limiter.admit(60)
    with pytest.raises(ApiError, match="tokens per min"):
        limiter.admit(60)
    limiter.admit(40)


def test_without_limits_there_are_no_headers() -> None:
    assert RequestRates(AccountLimits(), ServerClock()).admit(10**9) == {}
