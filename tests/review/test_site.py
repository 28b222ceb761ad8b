"""The server of the page, asked over HTTP as browsers and hostile pages ask it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.review.conftest import Served, serving
from tests.rig import Rig


class Client:
    """Plain requests to a served page."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.port = int(served.base.rpartition(":")[2])
        self.cookie = ""
        self.token = ""

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {"Cookie": self.cookie} | {k.replace("_", "-"): v for k, v in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, named)
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def enter(self) -> None:
        status, headers, _ = self.ask("GET", self.served.entry.partition(self.served.base)[2])
        assert status == 200
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        assert "HttpOnly" in headers["Set-Cookie"]
        assert "SameSite=Strict" in headers["Set-Cookie"]
        page = self.ask("GET", "/")[2].decode()
        self.token = page.partition('captionmill-token" content="')[2].partition('"')[0]

    def change(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        own = {"Origin": self.served.base, "X_Captionmill_Token": self.token} | headers
        status, _, data = self.ask("POST", path, body, **own)
        return status, json.loads(data)


@pytest.fixture
def client(captioned: Rig) -> Iterator[Client]:
    with serving(captioned.workspace.root) as served:
        opened = Client(served)
        opened.enter()
        while json.loads(opened.ask("GET", "/api/summary")[2])["images"] < 15:
            pass
        yield opened


READING = ["/", "/api/cards", "/api/summary", "/api/card/1", "/picture/1/small", "/static/main.js"]


def test_who_has_no_cookie_reads_nothing(client: Client) -> None:
    client.cookie = ""
    assert {client.ask("GET", path)[0] for path in READING} == {403}
    client.cookie = "captionmill-0=guess"
    assert {client.ask("GET", path)[0] for path in READING} == {403}


def test_the_entry_is_used_once(client: Client) -> None:
    path = client.served.entry.partition(client.served.base)[2]
    assert client.ask("GET", path)[0] == 403


def test_a_hostile_page_reads_and_changes_nothing(client: Client) -> None:
    body = {"ids": [1], "action": "reject"}
    hostile = [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example", "X_Captionmill_Token": client.token},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {},  # a form: it carries the cookie at most
    ]
    for headers in hostile:
        assert client.ask("POST", "/api/judge", body, **headers)[0] == 403
    for headers in hostile[:-1]:
        assert {client.ask("GET", path, **headers)[0] for path in READING} == {403}
    assert client.ask("GET", "/api/judge")[0] in (404, 405)
    card = json.loads(client.ask("GET", "/api/card/1")[2])
    assert card["review"] is None


def test_every_answer_has_its_policy(client: Client) -> None:
    for path in [*READING, "/nowhere", "/api/cards?sort=x"]:
        headers = client.ask("GET", path)[1]
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/static/../gate.py", "/static/%2e%2e%2fgate.py", "/static/..%2fgate.py", "/picture/1/../x",
     "/picture/99999/small", "/picture/1/huge", "/static/", "/static/main.js/x"],
)  # fmt: skip
def test_no_file_is_served_by_a_path_of_the_page(client: Client, path: str) -> None:
    status, _, data = client.ask("GET", path)
    assert status in (403, 404)
    assert b"class Gate" not in data


def test_judging_and_undoing_over_http(client: Client) -> None:
    status, answer = client.change("/api/judge", {"ids": [1], "action": "accept"})
    assert (status, answer["cards"][0]["review"]) == (200, "accepted")
    status, answer = client.change("/api/undo", {"step": answer["step"]["id"], "ids": [1]})
    assert (status, answer["cards"][0]["review"]) == (200, None)
    status, answer = client.change("/api/export", {})
    assert (status, answer["done"]) == (200, "The table is up to date: 15 rows.")


@pytest.mark.parametrize("body", [[], "x", {"ids": None}, {"ids": [True], "action": "accept"}])
def test_nonsense_is_refused_in_words(client: Client, body: object) -> None:
    status, answer = client.change("/api/judge", body)
    assert status == 422
    assert answer["error"]


def test_a_picture_is_a_jpeg_of_the_source(client: Client) -> None:
    status, headers, data = client.ask("GET", "/picture/1/small")
    assert (status, headers["Content-Type"], data[:2]) == (200, "image/jpeg", b"\xff\xd8")
    client.ask("GET", "/picture/1/large")
