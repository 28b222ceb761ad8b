from __future__ import annotations

from pipeline.config import load_config
from pipeline.session.online_settings import OnlineSettings


def test_the_configuration_bounds_the_pace() -> None:
    options = {
        "online.in_flight": 3,
        "online.requests_per_minute": 60,
        "online.longest_pause": "2m",
        "online.flex_last": 7,
    }
    settings = OnlineSettings.of(load_config(None, options))
    assert (settings.requests_per_minute, settings.tokens_per_minute) == (60, None)
    assert (settings.longest_pause, settings.flex_last) == (120.0, 7)
    limiter = settings.rate_limiter()
    limiter.refused(0.0, 119.0)
    assert limiter.too_long_pause == 0
    limiter.refused(0.0, 121.0)
    assert limiter.too_long_pause == 121.0
