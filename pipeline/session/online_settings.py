"""Settings of online requests."""

from __future__ import annotations

from msgspec import Struct

from pipeline.config import Config
from pipeline.config.units import parse_seconds
from pipeline.core.background import BackgroundPace
from pipeline.core.rate_limit import RateLimiter


class OnlineSettings(Struct, frozen=True):
    """Pace of online requests.

    Attributes:
        in_flight: requests at the same time.
        requests_per_minute, tokens_per_minute: None is as the service says.
        flex_last: so few requests that go again are sent online, at the flex tier; 0 never.
        longest_pause: seconds; a service that asks for more is not waited for.
        background: pace of background responses, where requests go there.
    """

    in_flight: int
    requests_per_minute: int | None
    tokens_per_minute: int | None
    flex_last: int
    longest_pause: float
    background: BackgroundPace

    @classmethod
    def of(cls, config: Config) -> OnlineSettings:
        """Take the settings from a configuration."""
        online = config.online
        return cls(
            in_flight=online.in_flight,
            requests_per_minute=online.requests_per_minute,
            tokens_per_minute=online.tokens_per_minute,
            flex_last=online.flex_last,
            longest_pause=float(online.longest_pause),
            background=BackgroundPace(
                window=parse_seconds(online.background_window),
                first=config.batch.poll_seconds,
                most=online.background_in_flight,
                patience=online.longest_pause,
            ),
        )

    def rate_limiter(self) -> RateLimiter:
        """Build a limiter that decides when online requests go."""
        return RateLimiter(
            self.in_flight, self.requests_per_minute, self.tokens_per_minute,
            longest_pause=self.longest_pause,
        )  # fmt: skip
