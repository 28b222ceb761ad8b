"""A site on loopback that answers byte by byte as told, and a list of all that was contacted."""

from __future__ import annotations

import os
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.records import Rejection
from pipeline.sources.download import Fetched, FetchOptions, fetch_all

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4

Answer = Callable[["Request"], None]


@dataclass
class Request:
    """One request, and the connection to answer it on."""

    path: str
    headers: dict[str, str]
    connection: socket.socket
    site: Site
    at: float = field(default_factory=time.monotonic)

    def send(self, *parts: bytes) -> None:
        self.connection.sendall(b"".join(parts))


@dataclass
class Site:
    """Answers by path; everything that arrives is in `seen`."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [request.path for request in self.seen]

    def on(self, path: str, answer: Answer | bytes) -> str:
        """Answer `path`; gives its URL."""
        self.answers[path] = answer if callable(answer) else lambda r: r.send(answer)
        return self.url(path)


def reply(
    body: bytes = PNG, status: str = "200 OK", length: int | None = None, **headers: str
) -> bytes:
    """A whole answer; `Content_Type="x"` gives a header."""
    lines = [f"HTTP/1.1 {status}"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return reply(b"", status, Location=location)


def in_turn(*answers: Answer | bytes) -> Answer:
    """The first answer first; the last one for ever."""
    left = list(answers)

    def answer(request: Request) -> None:
        following = left.pop(0) if len(left) > 1 else left[0]
        if callable(following):
            following(request)
        else:
            request.send(following)

    return answer


def reset(request: Request) -> None:
    """Close the connection so that the other side sees a reset."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    os.close(request.connection.detach())


def hang(request: Request) -> None:
    request.site.closing.wait()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # the client went away: what many tests are about
            super().handle_error(request, client_address)


@contextmanager
def serving(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    site = Site()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                headers = {}
                while (header := self.rfile.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                path = line.decode("latin-1").split(" ")[1]
                request = Request(path, headers, self.connection, site)
                site.seen.append(request)
                site.answers.get(path, lambda r: r.send(reply(b"", "404 Not Found")))(request)

    server = _Server((address, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Contacts:
    """Every address that this process tries to connect to, seen by the interpreter itself."""

    def __init__(self) -> None:
        self.addresses: list[tuple[str, int]] = []


_watching: list[Contacts] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching and isinstance(args[1], tuple):
        for contacts in _watching:
            contacts.addresses.append((str(args[1][0]), int(args[1][1])))


sys.addaudithook(_audit)


@contextmanager
def watching() -> Iterator[Contacts]:
    contacts = Contacts()
    _watching.append(contacts)
    try:
        yield contacts
    finally:
        _watching.remove(contacts)


LOCAL = FetchOptions(
    allow=True,
    allow_addresses=("127.0.0.1/32",),
    ports=frozenset(range(1, 65536)),
    max_bytes=100_000,
    seconds=5.0,
    idle_seconds=2.0,
    retries=0,
    first_pause=0.01,
)
"""Rules that allow 127.0.0.1 only: 127.0.0.2 and all others stay forbidden."""


def fetch(
    urls: list[str], options: FetchOptions, cache: Path, now: int = 1000, **more: Any
) -> list[Fetched | Rejection]:
    """All of them, in order; checks that each number comes once."""
    found = dict(fetch_all(enumerate(urls), options, cache, now=now, **more))
    assert sorted(found) == list(range(len(urls)))
    return [found[number] for number in range(len(urls))]


def code(found: Fetched | Rejection) -> str:
    return found.code if isinstance(found, Rejection) else found.how


def fetch_threads() -> list[threading.Thread]:
    """Threads of downloads that are running."""
    return [thread for thread in threading.enumerate() if thread.name == "fetch"]
