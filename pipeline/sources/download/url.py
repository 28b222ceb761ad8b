"""URL of an image in one strict reading, so that nothing later reads it anew.

A URL is taken apart once, here, and put together again from its checked parts: the text that is
requested means the same to every parser. An IPv4 address in one of the forms of `inet_aton`
(decimal, hexadecimal, octal, with fewer parts) becomes the plain one before anybody judges it.
"""

from __future__ import annotations

import re
from collections.abc import Container
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

from msgspec import Struct

from pipeline.core.download import refusal
from pipeline.records import Rejection

LONGEST_URL = 4096
"""Characters; signed addresses have one to two thousand."""

WEB_PORTS = frozenset({80, 443})

_SHAPE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)([/?][^#]*)?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::([0-9]{0,5}))?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_KEPT = "%/:?[]@!$&'()*+,;=~-._"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Url(Struct, frozen=True):
    """Checked URL.

    Attributes:
        scheme: "http" or "https".
        host: lower-case ASCII name, or an IP address in its usual form, without brackets.
        port: always given.
        target: path and query, ASCII, begins with "/".
        is_address: `host` is an IP address.
    """

    scheme: str
    host: str
    port: int
    target: str
    is_address: bool

    @property
    def text(self) -> str:
        """URL as it is requested: ASCII, no credentials, no fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def check_url(text: str, ports: Container[int] = WEB_PORTS) -> Url | Rejection:
    """Take a URL apart; a Rejection `bad_url` says what is wrong with it. Never raises."""
    if len(text) > LONGEST_URL:
        return refusal("bad_url", f"it is longer than {LONGEST_URL:,} characters")
    if _CONTROL.search(text):
        return refusal("bad_url", "it holds control characters")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return refusal("bad_url", "it does not read as http://host/path")
    scheme, authority, target = shape[1].lower(), shape[2], shape[3] or ""
    if scheme not in _DEFAULT_PORTS:
        return refusal("bad_url", f"only http and https are downloaded, not {scheme}")
    if "@" in authority:
        return refusal("bad_url", "it holds a user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    host = _host(parts[1], parts[2]) if parts else None
    if parts is None or host is None:
        return refusal("bad_url", "its host is no valid name or address")
    port = int(parts[3]) if parts[3] else _DEFAULT_PORTS[scheme]
    if port not in ports:
        return refusal("bad_url", f"port {port} is not allowed (see fetch.ports)")
    path, _, query = target.partition("?")
    path_and_query = f"{path or '/'}?{query}" if query else path or "/"
    return Url(scheme, host[0], port, quote(path_and_query, safe=_KEPT), is_address=host[1])


def host_of(text: str) -> str:
    """Host of a URL as `check_url` reads it, "" for none."""
    url = check_url(text, range(1 << 16))
    return "" if isinstance(url, Rejection) else url.host


def next_hop(current: Url, location: str, ports: Container[int] = WEB_PORTS) -> Url | Rejection:
    """Follow a redirect's target, checked as the first URL was. Never raises."""
    try:
        joined = urljoin(current.text, location)
    except ValueError:
        return refusal("bad_url", "a redirect leads to no valid address")
    following = check_url(joined, ports)
    if isinstance(following, Rejection):
        return Rejection(following.code, f"{following.detail} (after a redirect)")
    if current.scheme == "https" and following.scheme == "http":
        return refusal("http_error", "a redirect leads from https to http")
    return following


def _host(bracketed: str | None, name: str | None) -> tuple[str, bool] | None:
    """Parse the host and whether it is an address; None when it is neither name nor address."""
    if bracketed is not None:
        try:
            return str(IPv6Address(bracketed)), True
        except AddressValueError:
            return None
    ascii_name = _ascii(name or "")
    if ascii_name is None or not _NAME.fullmatch(ascii_name):
        return None
    labels = ascii_name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # by the web's rules such a host is an address or invalid
        address = _ipv4(labels)
        return None if address is None else (address, True)
    return ascii_name, False


def _ascii(name: str) -> str | None:
    """Lower-case ASCII of a host name (IDNA 2008 after UTS 46); None when there is none."""
    if name.isascii():
        return name.lower()
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except UnicodeError:
        return None


def _ipv4(labels: list[str]) -> str | None:
    """Address that `inet_aton` reads: 1 to 4 numbers, the last one fills what is left."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        return None
    try:
        *head, last = [_number(label) for label in labels]
    except ValueError:  # 08 is no octal number, 0x is none at all
        return None
    if any(value > 255 for value in head) or last >= 256 ** (4 - len(head)):
        return None
    high = int.from_bytes(bytes(head), "big") << (8 * (4 - len(head)))
    return str(IPv4Address(high | last))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label, 16)
    return int(label, 8 if len(label) > 1 and label[0] == "0" else 10)
