"""Connection to an HTTP service for short requests, through a proxy that the environment names."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

_SECONDS = 60


class PlainConnection:
    """Connection that is opened by the first request, and anew after one that failed."""

    def __init__(self, endpoint: SplitResult) -> None:
        self._host, secure = endpoint.netloc, endpoint.scheme == "https"
        proxy = "" if proxy_bypass(self._host) else getproxies().get(endpoint.scheme, "")
        way = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else endpoint
        # a proxy without TLS wants whole addresses
        self._before = f"http://{self._host}" if proxy and not secure else ""
        host, port = way.hostname or "", way.port
        if not secure:
            self._line = http.client.HTTPConnection(host, port, timeout=_SECONDS)
            return
        context = ssl.create_default_context()
        self._line = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
        if proxy:
            self._line.set_tunnel(endpoint.hostname or "", endpoint.port or 443)

    def get(self, target: str, headers: Mapping[str, str], most: int) -> tuple[int, bytes]:
        """Status, and the body up to `most` bytes, of a path with its query.

        Raises:
            OSError, http.client.HTTPException: no answer, or less than it announced.
        """
        try:
            self._line.request(
                "GET", self._before + target, headers={**headers, "Host": self._host}
            )
            response = self._line.getresponse()
            announced = response.length  # None where the end of the body tells
            body = response.read(most)
            if announced is not None and len(body) < min(announced, most):
                raise http.client.IncompleteRead(body, announced - len(body))
            if not response.isclosed():
                self._line.close()  # the rest is not wanted
        except (OSError, http.client.HTTPException):
            self._line.close()
            raise
        return response.status, body

    def close(self) -> None:
        """Close the connection; the next request opens it anew."""
        self._line.close()
