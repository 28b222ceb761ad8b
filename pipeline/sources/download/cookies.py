"""Cookies within one chain of redirects: some sites ask for one before they give the image."""

from __future__ import annotations

import aiohttp
from yarl import URL


class ChainCookies:
    """Cookies that a chain of redirects has set; forgotten with it."""

    def __init__(self) -> None:
        self._jar: aiohttp.CookieJar | None = None

    def take(self, response: aiohttp.ClientResponse) -> None:
        """Keep what an answer sets, for the hosts and paths that may see it."""
        if not response.cookies:
            return
        if self._jar is None:
            # hosts may be addresses; no cookie leaves the host that set it
            self._jar = aiohttp.CookieJar(unsafe=True)
        self._jar.update_cookies(response.cookies, response.url)

    def header(self, url: URL) -> dict[str, str]:
        """Header of the next request, empty without cookies for it."""
        cookies = self._jar.filter_cookies(url) if self._jar is not None else {}
        if not cookies:
            return {}
        return {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())}
