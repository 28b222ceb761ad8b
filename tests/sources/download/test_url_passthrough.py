from __future__ import annotations

import pytest

from pipeline.records import Rejection
from pipeline.sources.download import FetchOptions
from pipeline.sources.download.url_passthrough import UrlPassthrough

PUBLIC = UrlPassthrough.of(FetchOptions())


def code(text: str, passing: UrlPassthrough = PUBLIC) -> str:
    found = passing(text)
    return found.code if isinstance(found, Rejection) else ""


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("https://example.org/cat.jpg", "https://example.org/cat.jpg"),
        ("HTTPS://Example.ORG/a b.jpg#top", "https://example.org/a%20b.jpg"),
        ("http://example.org:80/?id=1&x=%20", "http://example.org/?id=1&x=%20"),
        ("https://8.8.8.8/cat.jpg", "https://8.8.8.8/cat.jpg"),
        ("https://bücher.example/ä.jpg", "https://xn--bcher-kva.example/%C3%A4.jpg"),
    ],
)
def test_what_is_passed_on(text: str, sent: str) -> None:
    assert PUBLIC(text) == sent


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://example.org/cat.jpg", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("data:image/png;base64,AAAA", "bad_url"),
        ("https://user:secret@example.org/cat.jpg", "bad_url"),
        ("https://token@example.org/cat.jpg", "bad_url"),
        ("https://example.org:8443/cat.jpg", "bad_url"),
        ("https://exa mple.org/", "bad_url"),
        ("https://example.org/\ncat.jpg", "bad_url"),
        ("https://example.org/" + "a" * 5000, "bad_url"),
        ("http://127.0.0.1/", "forbidden_address"),
        ("http://2130706433/", "forbidden_address"),
        ("http://0x7f.1/", "forbidden_address"),
        ("http://[::1]/", "forbidden_address"),
        ("http://[::ffff:10.0.0.1]/", "forbidden_address"),
        ("http://10.1.2.3/cat.jpg", "forbidden_address"),
        ("http://169.254.169.254/latest/meta-data", "forbidden_address"),
        ("http://localhost/cat.jpg", "forbidden_address"),
        ("http://pictures.localhost./cat.jpg", "forbidden_address"),
        ("http://nas/cat.jpg", "forbidden_address"),
        ("http://nas.local/cat.jpg", "forbidden_address"),
        ("http://metadata.google.internal/", "forbidden_address"),
        ("http://printer.home.arpa/", "forbidden_address"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    assert code(text) == why


def test_a_refusal_repeats_no_credentials() -> None:
    found = PUBLIC("https://user:secret@example.org/cat.jpg")
    assert isinstance(found, Rejection)
    assert "secret" not in found.detail


def test_a_service_in_ones_own_network_reaches_more() -> None:
    private = UrlPassthrough.of(FetchOptions(allow_private=True))
    assert private("http://10.1.2.3/cat.jpg") == "http://10.1.2.3/cat.jpg"
    assert private("http://nas.local/cat.jpg") == "http://nas.local/cat.jpg"
    assert code("http://169.254.169.254/", private) == "forbidden_address"
    one = UrlPassthrough.of(FetchOptions(allow_addresses=("127.0.0.1",), ports=frozenset({8000})))
    assert one("http://127.0.0.1:8000/a") == "http://127.0.0.1:8000/a"


def test_equal_rules_have_equal_texts() -> None:
    options = FetchOptions(ports=frozenset({8080, 443, 80}), allow_addresses=("10.0.0.0/8",))
    again = FetchOptions(ports=frozenset({80, 443, 8080}), allow_addresses=("10.0.0.0/8",))
    assert repr(UrlPassthrough.of(options)) == repr(UrlPassthrough.of(again))
    assert repr(UrlPassthrough.of(options)) != repr(PUBLIC)
