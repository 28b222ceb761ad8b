from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pipeline.storage.plain_http import PlainConnection

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Peer:
    """Listener that gives one answer to each request, whatever it is."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.seen = list(answers), b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.connections = 0

    def serve(self) -> None:
        while self.answers:
            with self.socket.accept()[0] as line:
                self.connections += 1
                while self.answers and (seen := line.recv(65536)):
                    self.seen += seen
                    answer = self.answers.pop(0)
                    line.sendall(answer)
                    if answer != WHOLE:
                        break


@contextlib.contextmanager
def peer(*answers: bytes) -> Iterator[Peer]:
    served = Peer(*answers)
    thread = threading.Thread(target=served.serve)
    thread.start()
    try:
        yield served
    finally:
        thread.join()
        served.socket.close()


def to(endpoint: str) -> contextlib.closing[PlainConnection]:
    return contextlib.closing(PlainConnection(urlsplit(endpoint)))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_requests_share_a_connection_and_a_cut_body_is_no_body() -> None:
    with peer(WHOLE, WHOLE, WHOLE[:-1], WHOLE) as served, to(f"http://{served.name}") as line:
        assert line.get("/a?b", {"X": "y"}, 100) == line.get("/c", {}, 100) == (200, b"body")
        with pytest.raises(http.client.IncompleteRead):
            line.get("/d", {}, 100)
        assert line.get("/e", {}, 2) == (200, b"bo")
    assert served.connections == 2
    assert b"GET /a?b HTTP/1.1\r\n" in served.seen
    assert served.seen.count(f"Host: {served.name}\r\n".encode()) == 4


def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(WHOLE) as served:
        monkeypatch.setenv("http_proxy", f"http://{served.name}")
        with to("http://storage.test:9000") as line:
            assert line.get("/a", {}, 100) == (200, b"body")
    assert b"GET http://storage.test:9000/a HTTP/1.1\r\n" in served.seen
    assert b"Host: storage.test:9000\r\n" in served.seen


def test_a_proxy_is_asked_for_a_tunnel_where_there_is_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(b"HTTP/1.1 403 no\r\n\r\n") as served:
        monkeypatch.setenv("https_proxy", served.name)
        with to("https://storage.test") as line, pytest.raises(OSError, match="403"):
            line.get("/a", {}, 100)
    assert served.seen.startswith(b"CONNECT storage.test:443 ")
