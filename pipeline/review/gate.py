"""Gate of the page's server: who may read and who may change, decided before any handler.

The page is for one person on this machine. A page of another site that is open in the same browser
can send requests here, so nothing is answered without a cookie that only the hand-over sets, a
loopback name as Host (else a name that was bound to 127.0.0.1 could read), an Origin equal to it,
and, where something changes, a token that only our own page knows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from msgspec import Struct, field

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Of every answer."""

TOKEN_HEADER = "X-Captionmill-Token"
ENTER = "/enter"
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


class Gate(Struct):
    """Secrets of one server, and the rules that let requests pass.

    Attributes:
        cookie: its name, of this workspace only: cookies do not tell ports apart.
        session: value of the cookie.
        token: what a change must carry.
    """

    cookie: str
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _entry: str | None = field(default_factory=lambda: secrets.token_urlsafe(32))

    @classmethod
    def of(cls, workspace: str) -> Gate:
        """Gate of a workspace."""
        name = hashlib.sha256(workspace.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return cls(f"captionmill-{name}")

    @property
    def entry(self) -> str | None:
        """Token that lets one browser in, None once it was used."""
        return self._entry

    def enter(self, entry: str) -> bool:
        """Use the entry; it works once."""
        if self._entry is None or not hmac.compare_digest(entry.encode(), self._entry.encode()):
            return False
        self._entry = None
        return True

    def refusal(self, method: str, path: str, headers: Mapping[str, str], cookie: str) -> str:
        """Reason why a request does not pass, "" when it does.

        Args:
            headers: of the request, by any case-insensitive mapping.
            cookie: value of our cookie, "" for none.
        """
        host = headers.get("Host", "")
        if not _LOOPBACK.fullmatch(host):
            return "this page answers on a loopback name only"
        origin = headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            return "another site asked"
        site = headers.get("Sec-Fetch-Site", "none")
        # following a link from elsewhere is harmless, but its answer must not be read there
        followed = headers.get("Sec-Fetch-Mode") == "navigate" and method == "GET"
        if site not in ("same-origin", "none") and path != ENTER and not followed:
            return "another site asked"
        if path == ENTER:
            return "" if method == "GET" else "nothing is changed there"
        if not hmac.compare_digest(cookie.encode(), self.session.encode()):
            return "not let in yet"
        if method not in ("GET", "HEAD"):
            if origin is None:
                return "a change must say where it comes from"
            token = headers.get(TOKEN_HEADER, "")
            if not hmac.compare_digest(token.encode(), self.token.encode()):
                return "the page is older than the server: load it again"
        return ""
