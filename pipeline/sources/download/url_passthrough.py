"""Addresses that are passed on to the service, which fetches the images itself.

Nothing is contacted from here, so only the text is judged. What the service could not reach, or
must not be told, is refused before it is paid for: other schemes, credentials, addresses and
names of private networks. A public name may still lead anywhere; that is the service's to guard.
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.address import PUBLIC_ONLY, AddressRules, forbidden
from pipeline.core.download import refusal
from pipeline.records import Rejection
from pipeline.sources.download.options import FetchOptions
from pipeline.sources.download.url import WEB_PORTS, Url, check_url

_LOCAL_NAMES = (
    # RFC 6761, 6762, 8375, 9476, 7686, and what networks at home and clouds use inside
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion",
    "test", "invalid",
)  # fmt: skip


class UrlPassthrough(Struct, frozen=True):
    """Judges addresses; equal rules have equal texts, as a listing's digest needs them.

    Attributes:
        ports: that may be named.
        rules: which addresses may be named besides public ones; with private ones allowed, as for
            a service in one's own network, local names are too.
    """

    ports: tuple[int, ...] = tuple(sorted(WEB_PORTS))
    rules: AddressRules = PUBLIC_ONLY

    @classmethod
    def of(cls, options: FetchOptions) -> UrlPassthrough:
        """Make one from the rules of downloading."""
        return cls(tuple(sorted(options.ports)), options.rules)

    def __call__(self, text: str) -> str | Rejection:
        """Give the address as it is sent, ASCII, without a fragment; or why not. Never raises."""
        url = check_url(text, self.ports)
        if isinstance(url, Rejection):
            return url
        reason = self._unreachable(url)
        if reason is None:
            return url.text
        return refusal("forbidden_address", f"{url.host} is {reason}, no service can reach it")

    def _unreachable(self, url: Url) -> str | None:
        if url.is_address:
            return forbidden(url.host, self.rules)
        if self.rules.private or self.rules.allowed:
            return None
        name = url.host.removesuffix(".")
        local = "." not in name or name.endswith(tuple(f".{end}" for end in _LOCAL_NAMES))
        return "a name of a local network" if local else None
