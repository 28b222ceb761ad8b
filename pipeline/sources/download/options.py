"""Rules of downloading."""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.address import AddressRules


class FetchOptions(Struct, frozen=True):
    """Options of downloads: what may be fetched, and how hard to try.

    Attributes:
        allow: download at all; without it each URL is rejected as `url_not_enabled`.
        allow_private: also from private networks (10/8, 172.16/12, 192.168/16, fc00::/7).
        allow_addresses: networks that may be contacted whatever they are, this machine and the
            cloud's metadata service included. Dangerous: whoever writes the list of URLs can then
            make this machine read from there. Meant for tests and for one known server.
        ports: the only ports that are contacted.
        max_bytes: of one file.
        seconds: for one try, redirects included, waiting for a slot not.
        idle_seconds: without a byte, and until a download must not be slower than
            `SLOWEST` bytes a second.
        total_concurrency: downloads at once.
        per_host: downloads at once from one host.
        retries: further tries after a passing failure.
        first_pause: seconds before the first of them; doubled each time.
        recheck_seconds: an image that was asked for less than so many seconds ago is not asked
            for again; the same for URLs that had no image.
        user_agent: how the downloader calls itself.
    """

    allow: bool = False
    allow_private: bool = False
    allow_addresses: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})
    max_bytes: int = 50_000_000
    seconds: float = 60.0
    idle_seconds: float = 15.0
    total_concurrency: int = 32
    per_host: int = 4
    retries: int = 2
    first_pause: float = 1.0
    recheck_seconds: int = 86_400
    user_agent: str = "captionmill"

    @property
    def rules(self) -> AddressRules:
        """Rules about addresses. Raises ValueError for what is no network."""
        return AddressRules.of(private=self.allow_private, allowed=self.allow_addresses)
