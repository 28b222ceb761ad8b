from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from pipeline.core.download import MOST_REDIRECTS
from pipeline.records import Rejection
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
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
    names = {"host", "user-agent", "accept", "accept-encoding"}
    assert [set(request.headers) - names for request in site.seen] == [set(), {"cookie"}]
    for request in site.seen:
        assert set(request.headers) >= names
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
    assert re.search(r"\b502\b", found.detail)
    assert len(site.seen) == 3


def test_a_site_that_asks_for_a_long_rest_is_left_alone(site: Site, tmp_path: Path) -> None:
    answer = reply(b"", "429 Too Many Requests", Retry_After="3600")
    urls = [site.on(f"/{number}", answer) for number in range(50)]
    sentences: list[str] = []
    results = fetch(urls, PATIENT, tmp_path, now=1000, tell=sentences.append)
    assert [code(result) for result in results] == ["host_busy"] * 50
    assert "a pause of 60 min" in results[0].detail
    assert len(sentences) == 1
    assert len(site.seen) <= PATIENT.per_host
    # another run before the pause is over leaves it alone too
    asked = len(site.seen)
    assert {code(result) for result in fetch(urls, PATIENT, tmp_path, now=4599)} == {"host_busy"}
    assert len(site.seen) == asked
    for number in range(50):
        site.on(f"/{number}", reply())
    assert {code(result) for result in fetch(urls, PATIENT, tmp_path, now=4600)} == {"new"}


def test_a_resting_host_holds_no_other_up(site: Site, tmp_path: Path) -> None:
    busy = [site.url(f"/busy/{number}", "busy.example") for number in range(600)]
    for number in range(600):
        site.on(f"/busy/{number}", reply())
    site.on("/busy/0", in_turn(reply(b"", "429 Slow Down", Retry_After="3"), reply()))
    free = [site.on(f"/free/{number}", reply()) for number in range(9)]
    options = replace(PATIENT, total_concurrency=2, per_host=1)
    results = fetch([*busy, *free], options, tmp_path, resolve_host=lambda _host: ["127.0.0.1"])
    assert {code(result) for result in results} == {"new"}
    refused = next(request.at for request in site.seen if request.path == "/busy/0")
    after = [request for request in site.seen if request.at > refused]
    assert min(request.at for request in after if "/busy" in request.path) >= refused + 2.9
    assert max(request.at for request in after if "/free" in request.path) < refused + 2.9


def test_an_image_that_alone_is_refused_waits_for_another_run(site: Site, tmp_path: Path) -> None:
    bad = site.on("/bad", reply(b"", "429 Slow Down"))
    good = [site.on(f"/{number}", reply()) for number in range(200)]
    options = replace(PATIENT, per_host=1)
    results = fetch([bad, *good], options, tmp_path)
    assert [code(result) for result in results] == ["host_busy"] + ["new"] * 200


@pytest.mark.parametrize("dead", ["reset", "dns", "502"])
def test_a_dead_host_costs_a_few_tries(site: Site, tmp_path: Path, dead: str) -> None:
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        if dead == "dns":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ["127.0.0.1"]

    urls = [site.url(f"/{number}", "dead.example") for number in range(300)]
    for number in range(300):
        site.on(f"/{number}", reset if dead == "reset" else reply(b"", "502 Bad Gateway"))
    alive = site.on("/alive", reply())
    *results, last = fetch([*urls, alive], PATIENT, tmp_path, resolve_host=resolve)
    assert code(last) == "new"
    codes = [code(result) for result in results]
    assert codes.count("host_unreachable") >= 280
    assert len(asked) + len(site.seen) <= 70


def test_a_page_in_place_of_an_image_leaves_the_image(site: Site, tmp_path: Path) -> None:
    url = site.on("/a", reply())
    assert code(fetch([url], LOCAL, tmp_path, now=1000)[0]) == "new"
    for number, page in enumerate((b"<html>Just a moment", b"", b'{"error": "login"}'), start=1):
        site.on("/a", reply(page))
        assert code(fetch([url], LOCAL, tmp_path, now=1000 + number * DAY)[0]) == "kept"
        assert UrlCache(tmp_path).is_doubted(url)
    asked = len(site.seen)
    site.on("/a", reply())
    assert code(fetch([url], LOCAL, tmp_path, now=1010 + 3 * DAY)[0]) == "new"  # looked at soon
    assert len(site.seen) == asked + 1
    assert not UrlCache(tmp_path).is_doubted(url)


def test_a_page_where_no_image_was_is_no_image(site: Site, tmp_path: Path) -> None:
    assert code(fetch([site.on("/a", reply(b"<html>"))], LOCAL, tmp_path)[0]) == "not_an_image"


def test_many_addresses_that_lead_to_one_picture(site: Site, tmp_path: Path) -> None:
    site.on("/gone.png", reply(PNG + b"gone"))
    dead = [site.on(f"/dead/{number}", redirect("/gone.png")) for number in range(20)]
    pairs = [site.on(f"/short/{number}", redirect("/one.png")) for number in range(2)]
    site.on("/one.png", reply())
    own = [site.on(f"/own/{number}", reply()) for number in range(9)]
    urls, sentences = [*dead, *pairs, *own], []
    fetch(urls, LOCAL, tmp_path, now=1000, tell=sentences.append)
    cache = UrlCache(tmp_path)
    for moment in (1000, 1001, 1000 + 2 * DAY):
        fetch(urls, LOCAL, tmp_path, now=moment)
        stats = [cache.stat(url) for url in urls]
        assert [code(stat) for stat in stats[:20]] == ["placeholder"] * 20  # type: ignore[arg-type]
        assert not any(isinstance(stat, Rejection) for stat in stats[20:])
    assert "20 addresses led to one and the same picture" in sentences[-1]


def test_a_placeholder_leaves_the_images_of_earlier(site: Site, tmp_path: Path) -> None:
    urls = [site.on(f"/{number}", reply(PNG + b"%d" % number)) for number in range(9)]
    fetch(urls, LOCAL, tmp_path, now=1000)
    site.on("/gone.png", reply(PNG + b"gone"))
    for number in range(9):
        site.on(f"/{number}", redirect("/gone.png"))
    fetch(urls, LOCAL, tmp_path, now=1000 + 2 * DAY)
    cache = UrlCache(tmp_path)
    for number, url in enumerate(urls):
        assert cache.image(url).read_bytes() == PNG + b"%d" % number
        assert cache.is_doubted(url)


def test_a_cookie_goes_no_further_than_its_chain(site: Site, tmp_path: Path) -> None:
    cookie = b"\r\nSet-Cookie: seen=1; Path=/\r\n\r\n"
    site.on("/door", redirect("/image").replace(b"\r\n\r\n", cookie))

    def image(request: Request) -> None:
        request.send(reply() if request.headers.get("cookie") == "seen=1" else redirect("/door"))

    urls = [site.on("/image", image), site.on("/other", reply())]
    alone = replace(LOCAL, per_host=1)
    assert [code(result) for result in fetch(urls, alone, tmp_path)] == ["new", "new"]
    assert [r.path for r in site.seen if "cookie" in r.headers] == ["/image"]


def test_an_address_out_of_a_page_is_said(site: Site, tmp_path: Path) -> None:
    (result,) = fetch([site.url("/a?x=1&amp;y=2")], LOCAL, tmp_path)
    assert isinstance(result, Rejection)
    assert "stands for &" in result.detail


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
    statuses = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] * 4
    assert len(statuses) == MOST_REDIRECTS
    for number, status in enumerate(statuses):
        site.on(f"/{number}", redirect(f"/{number + 1}", status))
    site.on("/20", reply())
    too_far = site.on("/start", redirect("/0"))
    near, far = fetch([site.url("/0"), too_far], LOCAL, tmp_path)
    assert isinstance(near, Fetched)
    assert near.final_url == site.url("/20")
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
