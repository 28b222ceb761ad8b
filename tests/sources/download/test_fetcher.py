from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from pipeline.core.download import MOST_REDIRECTS
from pipeline.records import Rejection
from pipeline.sources.download.cache import Fetched
from tests.sources.download.site import (
    LOCAL,
    PNG,
    Request,
    Site,
    code,
    fetch,
    in_turn,
    redirect,
    reply,
    reset,
    serving,
)

DAY = 86_400
PATIENT = replace(LOCAL, retries=2)


def test_an_image_and_what_the_site_says_about_it(site: Site, tmp_path: Path) -> None:
    headers = {"ETag": '"v1"', "Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    url = site.on("/a%20b.png?x=1", reply(Content_Type="image/png", **headers))
    (found,) = fetch([url], LOCAL, tmp_path)
    assert isinstance(found, Fetched)
    assert found.path.read_bytes() == PNG
    assert found == Fetched(
        found.path, '"v1"', headers["Last_Modified"], len(PNG), "image/png", url, "new"
    )


def test_a_request_says_no_more_than_it_must(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine site.example login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    site.on("/1", redirect("/2").replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))
    site.on("/2", reply())
    options = replace(LOCAL, user_agent="tester")
    urls = [site.url("/1", "site.example")]
    assert (
        code(fetch(urls, options, tmp_path, resolve_host=lambda _host: ["127.0.0.1"])[0]) == "new"
    )
    assert site.paths() == ["/1", "/2"]
    for request in site.seen:
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert request.headers["user-agent"] == "tester"
        assert request.headers["host"] == f"site.example:{site.port}"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("404 Not Found", "not_found"),
        ("410 Gone", "not_found"),
        ("403 Forbidden", "http_error"),
        ("401 Unauthorized", "http_error"),
        ("204 No Content", "http_error"),
        ("206 Partial Content", "http_error"),
        ("304 Not Modified", "http_error"),
        ("300 Multiple Choices", "http_error"),
        ("501 Not Implemented", "http_error"),
    ],
)
def test_a_definite_answer_is_not_asked_for_again(
    site: Site, tmp_path: Path, status: str, expected: str
) -> None:
    (found,) = fetch([site.on("/x", reply(PNG, status))], PATIENT, tmp_path)
    assert code(found) == expected
    assert len(site.seen) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        reply(b"", "500 Internal Server Error"),
        reply(b"", "503 Service Unavailable", Retry_After="0"),
        reply(b"", "429 Too Many Requests"),
        reply(b"", "408 Request Timeout"),
        reset,
        reply(PNG[:50], length=len(PNG)) ,
    ],
)  # fmt: skip
def test_passing_trouble_is_tried_again(site: Site, tmp_path: Path, trouble: object) -> None:
    def cut_off(request: Request) -> None:
        if callable(trouble):
            trouble(request)
        else:
            request.send(trouble)  # type: ignore[arg-type]
            request.connection.shutdown(1)

    url = site.on("/x", in_turn(cut_off, cut_off, reply()))
    assert code(fetch([url], PATIENT, tmp_path)[0]) == "new"
    assert len(site.seen) == 3


def test_tries_are_limited(site: Site, tmp_path: Path) -> None:
    url = site.on("/x", reply(b"", "502 Bad Gateway"))
    (found,) = fetch([url], PATIENT, tmp_path)
    assert isinstance(found, Rejection)
    assert "502" in found.detail
    assert len(site.seen) == 3


def test_a_site_that_asks_for_a_long_rest_is_left_alone(site: Site, tmp_path: Path) -> None:
    url = site.on("/x", reply(b"", "429 Too Many Requests", Retry_After="3600"))
    assert code(fetch([url], PATIENT, tmp_path)[0]) == "http_error"
    assert len(site.seen) == 1


def test_a_busy_site_is_given_a_rest_as_a_whole(site: Site, tmp_path: Path) -> None:
    one_at_a_time = replace(PATIENT, per_host=1, total_concurrency=4)
    urls = [site.on("/0", in_turn(reply(b"", "429 Slow Down", Retry_After="1"), reply()))]
    urls += [site.on(f"/{number}", reply()) for number in range(1, 5)]
    assert [code(found) for found in fetch(urls, one_at_a_time, tmp_path)] == ["new"] * 5
    assert len(site.seen) == 6
    first = [request.path for request in site.seen].index("/0")  # nobody says who is served first
    refused, later = site.seen[first], site.seen[first + 1 :]
    assert min(request.at for request in later) > refused.at + 0.9


def test_redirects_are_followed_as_far_as_allowed(site: Site, tmp_path: Path) -> None:
    statuses = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
    assert len(statuses) == MOST_REDIRECTS
    for number, status in enumerate(statuses):
        site.on(f"/{number}", redirect(f"/{number + 1}", status))
    site.on("/5", reply())
    too_far = site.on("/start", redirect("/0"))
    near, far = fetch([site.url("/0"), too_far], LOCAL, tmp_path)
    assert isinstance(near, Fetched)
    assert near.final_url == site.url("/5")
    assert code(far) == "too_many_redirects"


def test_a_loop_of_redirects_ends(site: Site, tmp_path: Path) -> None:
    site.on("/b", redirect("/a"))
    (found,) = fetch([site.on("/a", redirect("/b"))], PATIENT, tmp_path)
    assert code(found) == "too_many_redirects"
    assert len(site.seen) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(b"", "302 Found"), "http_error"),
        (redirect(""), "http_error"),
        (redirect("file:///etc/passwd"), "bad_url"),
        (redirect("ftp://127.0.0.1/x"), "bad_url"),
        (redirect("http://me:secret@127.0.0.1/"), "bad_url"),
        (redirect("http://["), "bad_url"),
        (redirect("http://127.0.0.1:99999/"), "bad_url"),
        (redirect("/\xff\xfe"), "bad_url"),
        (redirect("/caf\xc3\xa9"), "not_found"),
    ],
)
def test_redirects_to_nowhere(site: Site, tmp_path: Path, answer: bytes, expected: str) -> None:
    (found,) = fetch([site.on("/x", answer)], LOCAL, tmp_path)
    assert code(found) == expected
    assert isinstance(found, Rejection)
    assert "secret" not in found.detail


class TestRechecking:
    HEADERS = {"ETag": '"v1"', "Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}  # noqa: RUF012

    @pytest.fixture
    def url(self, site: Site, tmp_path: Path) -> str:
        url = site.on("/a", reply(**self.HEADERS))
        assert code(fetch([url], LOCAL, tmp_path, now=1000)[0]) == "new"
        return url

    def test_a_recent_image_is_not_asked_for(self, site: Site, tmp_path: Path, url: str) -> None:
        assert [code(f) for f in fetch([url, url], LOCAL, tmp_path, now=999 + DAY)] == ["kept"] * 2
        assert len(site.seen) == 1

    def test_a_clock_that_went_back_asks(self, site: Site, tmp_path: Path, url: str) -> None:
        fetch([url], LOCAL, tmp_path, now=900)
        assert len(site.seen) == 2

    def test_unchanged(self, site: Site, tmp_path: Path, url: str) -> None:
        site.on("/a", b"HTTP/1.1 304 Not Modified\r\n\r\n")
        (found,) = fetch([url], LOCAL, tmp_path, now=1000 + DAY)
        assert site.seen[1].headers["if-none-match"] == '"v1"'
        assert site.seen[1].headers["if-modified-since"] == self.HEADERS["Last_Modified"]
        assert isinstance(found, Fetched)
        assert (found.how, found.etag, found.path.read_bytes()) == ("unchanged", '"v1"', PNG)
        fetch([url], LOCAL, tmp_path, now=1001 + DAY)
        assert len(site.seen) == 2

    def test_changed(self, site: Site, tmp_path: Path, url: str) -> None:
        site.on("/a", reply(PNG + b"more", ETag='"v2"'))
        (found,) = fetch([url], LOCAL, tmp_path, now=1000 + DAY)
        assert isinstance(found, Fetched)
        assert (found.how, found.etag, found.last_modified) == ("new", '"v2"', "")
        assert found.path.read_bytes() == PNG + b"more"

    @pytest.mark.parametrize("trouble", [reset, reply(b"", "500 Error"), reply(b"", "403 No")])
    def test_trouble_does_not_take_an_image_away(
        self, site: Site, tmp_path: Path, url: str, trouble: bytes
    ) -> None:
        site.on("/a", trouble)
        (found,) = fetch([url], LOCAL, tmp_path, now=1000 + DAY)
        assert isinstance(found, Fetched)
        assert (found.how, found.path.read_bytes()) == ("kept", PNG)

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (reply(b"", "404 Not Found"), "not_found"),
            (reply(b"<html>gone"), "not_an_image"),
            (reply(b"", length=10**9), "too_large_file"),
        ],
    )
    def test_an_image_that_is_gone_goes(
        self, site: Site, tmp_path: Path, url: str, answer: bytes, expected: str
    ) -> None:
        site.on("/a", answer)
        assert code(fetch([url], LOCAL, tmp_path, now=1000 + DAY)[0]) == expected
        assert [p.suffix for p in tmp_path.rglob("??/*")] == [".json"]

    def test_a_validator_is_shown_to_its_own_url_only(
        self, site: Site, tmp_path: Path, url: str
    ) -> None:
        site.on("/a", redirect("/b"))
        site.on("/b", reply(PNG + b"other", ETag='"v1"'))
        (found,) = fetch([url], LOCAL, tmp_path, now=1000 + DAY)
        assert isinstance(found, Fetched)
        assert found.path.read_bytes() == PNG + b"other"
        assert "if-none-match" in site.seen[1].headers
        assert "if-none-match" not in site.seen[2].headers

    def test_an_image_that_somebody_changed_is_downloaded_again(
        self, site: Site, tmp_path: Path, url: str
    ) -> None:
        (kept,) = fetch([url], LOCAL, tmp_path, now=1001)
        assert isinstance(kept, Fetched)
        kept.path.write_bytes(b"damaged")
        (found,) = fetch([url], LOCAL, tmp_path, now=1002)
        assert isinstance(found, Fetched)
        assert (found.how, found.path.read_bytes()) == ("new", PNG)
        assert "if-none-match" not in site.seen[1].headers


@pytest.mark.parametrize(
    ("answer", "expected", "asked"),
    [
        (reply(b"", "404 Not Found"), "not_found", 1),
        (reply(b"<html>"), "not_an_image", 1),
        (reply(b"", "500 Error"), "http_error", 2),
        (reply(b"", length=10**9), "too_large_file", 2),
    ],
)
def test_what_had_no_image_is_asked_again_when_that_may_help(
    site: Site, tmp_path: Path, answer: bytes, expected: str, asked: int
) -> None:
    url = site.on("/x", answer)
    assert [code(found) for found in fetch([url, url, url], LOCAL, tmp_path)] == [expected] * 3
    assert len(site.seen) == 1  # within one pass no URL is asked for twice
    assert code(fetch([url], LOCAL, tmp_path, now=1001)[0]) == expected
    assert len(site.seen) == asked
    site.on("/x", reply())
    assert code(fetch([url], LOCAL, tmp_path, now=1001 + DAY)[0]) == "new"


def test_odd_validators_are_not_kept(site: Site, tmp_path: Path) -> None:
    odd = {"ETag": '"' + "x" * 600 + '"', "Last_Modified": "caf\xe9", "Content_Type": "a" * 200}
    (found,) = fetch([site.on("/x", reply(**odd))], LOCAL, tmp_path)
    assert isinstance(found, Fetched)
    assert (found.etag, found.last_modified, found.content_type) == ("", "", "")


def test_downloads_from_one_host_are_limited(site: Site, tmp_path: Path) -> None:
    at_once, most, lock = [0], [0], threading.Lock()

    def answer(request: Request) -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        request.site.closing.wait(0.01)
        with lock:
            at_once[0] -= 1
        request.send(reply())

    urls = [site.on(f"/{number}", answer) for number in range(20)]
    options = replace(LOCAL, per_host=3, total_concurrency=10)
    assert {code(found) for found in fetch(urls, options, tmp_path)} == {"new"}
    assert 1 < most[0] <= 3


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def safe(self, authority: trustme.CA) -> Iterator[Site]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with serving(tls=context) as found:
            found.on("/a", reply())
            yield found

    @pytest.fixture
    def trusting(
        self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def test_a_certificate_must_be_trusted(self, safe: Site, tmp_path: Path) -> None:
        (found,) = fetch([safe.url("/a", scheme="https")], PATIENT, tmp_path)
        assert isinstance(found, Rejection)
        assert found.code == "tls_error"
        assert "certificate" in found.detail
        assert safe.seen == []

    @pytest.mark.usefixtures("trusting")
    def test_a_trusted_one_is(self, safe: Site, tmp_path: Path) -> None:
        assert code(fetch([safe.url("/a", scheme="https")], LOCAL, tmp_path)[0]) == "new"

    @pytest.mark.usefixtures("trusting")
    def test_a_certificate_must_be_for_this_host(self, safe: Site, tmp_path: Path) -> None:
        url = safe.url("/a", host="other.example", scheme="https")
        (found,) = fetch([url], LOCAL, tmp_path, resolve_host=lambda _host: ["127.0.0.1"])
        assert code(found) == "tls_error"
        assert safe.seen == []

    @pytest.mark.usefixtures("trusting")
    def test_no_way_leads_from_https_to_http(self, safe: Site, site: Site, tmp_path: Path) -> None:
        safe.on("/down", redirect(site.on("/a", reply())))
        (found,) = fetch([safe.url("/down", scheme="https")], LOCAL, tmp_path)
        assert isinstance(found, Rejection)
        assert "from https to http" in found.detail
        assert site.seen == []
        up = site.on("/up", redirect(safe.url("/a", scheme="https")))
        assert code(fetch([up], LOCAL, tmp_path)[0]) == "new"

    def test_a_host_that_speaks_no_tls(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as plain:
            thread = threading.Thread(target=_answer_once, args=(plain, reply()))
            thread.start()
            url = f"https://127.0.0.1:{plain.getsockname()[1]}/a"
            assert code(fetch([url], LOCAL, tmp_path)[0]) == "tls_error"
            thread.join()


def _answer_once(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1)
        connection.sendall(answer)
