from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Rejection
from pipeline.sources.download.url import LONGEST_URL, Url, check_url, next_hop

ANY_PORT = frozenset(range(65536))
MARKS = "http https : // / \\ @ # ? [ ] % %2e . .. a.b 127.0.0.1 0x7f 2130706433 ::1 :80"
ODD = ["é", "。", "①", "１", " ", "\t", "\n", "\0"]
PIECES = st.lists(
    st.one_of(st.sampled_from(MARKS.split()), st.sampled_from(ODD), st.text(max_size=3)),
    max_size=12,
).map("".join)
ANYTHING = st.one_of(st.text(), PIECES, PIECES.map("http://a.example/{}".format))


def host_of(text: str) -> str:
    url = check_url(text, ANY_PORT)
    assert isinstance(url, Url), url
    return url.host


@pytest.mark.parametrize(
    ("text", "requested"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://EXAMPLE.com:443/A?b=C#d", "https://example.com/A?b=C"),
        ("http://example.com:80?x", "http://example.com/?x"),
        ("http://example.com?", "http://example.com/"),
        ("http://example.com/a?", "http://example.com/a"),
        ("http://example.com/a??", "http://example.com/a??"),
        ("https://example.com:80/x", "https://example.com:80/x"),
        ("http://example.com:/x", "http://example.com/x"),
        ("http://my_bucket.example.com/a", "http://my_bucket.example.com/a"),
        ("http://example.com./a", "http://example.com./a"),
        ("http://example.com/a b|c", "http://example.com/a%20b%7Cc"),
        ("http://example.com/é?ü=ß", "http://example.com/%C3%A9?%C3%BC=%C3%9F"),
        ("http://example.com/a%2Fb%zz?s=%3D&t=a+b", "http://example.com/a%2Fb%zz?s=%3D&t=a+b"),
        ("http://example.com/a/../b\\c", "http://example.com/a/../b%5Cc"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://EXAMPLE。com/", "http://example.com/"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("http://16843009/", "http://1.1.1.1/"),
        ("http://[2606:4700::1111]:443/", "http://[2606:4700::1111]:443/"),
        ("http://[2606:4700:0:0::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_what_is_requested(text: str, requested: str) -> None:
    url = check_url(text)
    assert isinstance(url, Url), url
    assert url.text == requested


@pytest.mark.parametrize(
    "text",
    [
        *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F.1"),
        *("0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1", "00000177.1", "0x7f.0.1"),
        *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0．1"),
    ],
)
def test_every_form_of_an_ipv4_address_is_that_address(text: str) -> None:
    assert host_of(f"http://{text}/") == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "http://host/path"),
        ("example.com/a.jpg", "http://host/path"),
        ("//example.com/a.jpg", "http://host/path"),
        ("http:/example.com", "http://host/path"),
        ("http:example.com", "http://host/path"),
        ("http:\\\\example.com", "http://host/path"),
        ("http://good.example\\@evil.example/", "http://host/path"),
        (" http://example.com/", "http://host/path"),
        ("file:///etc/passwd", "not file"),
        ("ftp://example.com/a", "not ftp"),
        ("gopher://127.0.0.1:70/_", "not gopher"),
        ("data:image/png;base64,AA", "http://host/path"),
        ("javascript://example.com/%0aalert(1)", "not javascript"),
        ("http://user@example.com/", "user name"),
        ("http://user:pass@example.com/", "user name"),
        ("http://example.com@evil.example/", "user name"),
        ("http://@example.com/", "user name"),
        ("http://example.com/a\r\nHost: x", "control"),
        ("http://exa\tmple.com/", "control"),
        ("http://example.com/\0", "control"),
        ("http://example.com/\x85", "control"),
        ("http://example.com/\ud800", "control"),
        ("http:///a.jpg", "host"),
        ("http://?a", "host"),
        ("http://:80/", "host"),
        ("http://./", "host"),
        ("http://a..b/", "host"),
        ("http://.a/", "host"),
        ("http://-a.example/", "host"),
        ("http://exa mple.com/", "host"),
        ("http://exa%6dple.com/", "host"),
        ("http://127.0.0.%31/", "host"),
        ("http://a,b/", "host"),
        ("http://" + "a" * 64 + ".com/", "host"),
        ("http://" + "a." * 127 + "com/", "host"),
        ("http://[::1/", "host"),
        ("http://::1/", "host"),
        ("http://[::1]x/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[v1.x]/", "host"),
        ("http://[127.0.0.1]/", "host"),
        ("http://256.1.1.1/", "host"),
        ("http://1.2.3.4.5/", "host"),
        ("http://1.2.3.08/", "host"),
        ("http://4294967296/", "host"),
        ("http://0x100000000/", "host"),
        ("http://a.1/", "host"),
        ("http://example.com:8080/", "port 8080"),
        ("http://example.com:0/", "port 0"),
        ("http://example.com:22/", "port 22"),
        ("http://example.com:99999/", "port 99999"),
        ("http://example.com:٨٠/", "host"),
        ("http://example.com:+80/", "host"),
        ("http://example.com:80:80/", "host"),
        ("http://example.com/" + "a" * LONGEST_URL, "longer than"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    found = check_url(text)
    assert isinstance(found, Rejection)
    assert found.code == "bad_url"
    assert said in found.detail


@given(ANYTHING)
def test_every_parser_reads_the_same_in_what_is_requested(text: str) -> None:
    url = check_url(text, ANY_PORT)
    if isinstance(url, Rejection):
        assert url.code == "bad_url"
        return
    assert re.fullmatch(r"[!-~]+", url.text)
    assert "#" not in url.text
    assert "@" not in url.text.removeprefix(url.scheme + "://").split("/")[0]
    library, requested = urlsplit(url.text), yarl.URL(url.text, encoded=True)
    assert library.hostname == requested.host == url.host
    assert (library.port or {"http": 80, "https": 443}[url.scheme]) == requested.port == url.port
    assert requested.raw_path_qs == url.target
    assert check_url(url.text, ANY_PORT) == url


NUMBERS = st.one_of(
    st.integers(0, 2**33).map(str),
    st.integers(0, 2**33).map(hex),
    st.integers(0, 2**33).map(lambda n: f"0{n:o}"),
    st.integers(0, 300).map(str),
    st.sampled_from(["08", "0x", "00", "0", "127", "255", "256"]),
)


@given(st.lists(NUMBERS, min_size=1, max_size=5).map(".".join))
def test_addresses_are_read_as_the_c_library_reads_them(text: str) -> None:
    url = check_url(f"http://{text}/")
    try:
        meant = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        assert isinstance(url, Rejection)
        return
    assert isinstance(url, Url), url
    assert (url.host, url.is_address) == (meant, True)


def test_an_ipv4_address_in_an_ipv6_one_is_an_address() -> None:
    for text in ("::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "::"):
        url = check_url(f"http://[{text}]/")
        assert isinstance(url, Url)
        assert url.is_address


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b?c", "https://a.example/b?c"),
        ("b", "https://a.example/x/b"),
        ("?q", "https://a.example/x/y?q"),
        ("#f", "https://a.example/x/y"),
        ("//b.example/z", "https://b.example/z"),
        ("https://b.example", "https://b.example/"),
        ("/\\evil.example", "https://a.example/%5Cevil.example"),
        ("\\\\evil.example/x", "https://a.example/x/%5C%5Cevil.example/x"),
    ],
)
def test_where_redirects_lead(location: str, leads_to: str) -> None:
    current = check_url("https://a.example/x/y")
    assert isinstance(current, Url)
    following = next_hop(current, location)
    assert isinstance(following, Url), following
    assert following.text == leads_to


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://a.example/", "http_error"),
        ("file:///etc/passwd", "bad_url"),
        ("https://user:pass@a.example/", "bad_url"),
        ("https://a.example:22/", "bad_url"),
        ("//[", "bad_url"),
        ("https://a.example/\udcff", "bad_url"),
    ],
)
def test_redirects_that_are_refused(location: str, code: str) -> None:
    current = check_url("https://a.example/x/y")
    assert isinstance(current, Url)
    following = next_hop(current, location)
    assert isinstance(following, Rejection)
    assert following.code == code
    assert "redirect" in following.detail


@given(ANYTHING)
def test_any_location_is_a_checked_url_or_refused(location: str) -> None:
    current = check_url("http://a.example/x")
    assert isinstance(current, Url)
    following = next_hop(current, location)
    if isinstance(following, Url):
        assert check_url(following.text) == following
