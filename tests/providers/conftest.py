"""A scripted HTTP server on loopback: each test says what the next answers are, down to the bytes
and to connections that break. It knows nothing of OpenAI; `pipeline.server` does."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.providers.base import BatchOptions, Timeouts
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.system.secrets import Secret

KEY = "sk-test-0123456789abcdefghijklmnop"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    size: int = 0


@dataclass
class HttpReply:
    """`fault`: "" | "drop" (close without an answer) | "reset" | "cut" (half of the body) |
    "drip" (a byte now and then) | "hang" (nothing until the server stops)."""

    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Scripted:
    """Answers with `script`: a HttpReply, a list of them (the last repeats), or a function."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: HttpReply | list[HttpReply] | Callable[[Request], HttpReply] = HttpReply()
        self.stopped = threading.Event()
        self.keep_bodies = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                outer.serve(self)

            do_GET = do_POST = do_DELETE = _serve

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def posts(self, path: str = "") -> int:
        return sum(r.method == "POST" and r.path.endswith(path) for r in self.requests)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {k.lower(): v for k, v in handler.headers.items()}
        request = Request(handler.command, handler.path, headers)
        left = int(headers.get("content-length", 0))
        while left and (block := handler.rfile.read(min(left, 1 << 16))):
            left -= len(block)
            request.size += len(block)
            if self.keep_bodies:
                request.body += block
        self.requests.append(request)
        self._answer(handler, self._next(request))

    def _next(self, request: Request) -> HttpReply:
        if callable(self.script):
            return self.script(request)
        if isinstance(self.script, list):
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return self.script

    def _answer(self, handler: BaseHTTPRequestHandler, reply: HttpReply) -> None:
        content = reply.content()
        if reply.fault in ("drop", "reset"):
            if reply.fault == "reset":
                linger = struct.pack("ii", 1, 0)
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            return
        if reply.fault == "hang":
            self.stopped.wait(20)
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        lengths = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in {**lengths, **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            self._body(handler, content, reply.fault)
        except OSError:
            handler.close_connection = True

    def _body(self, handler: BaseHTTPRequestHandler, content: bytes, fault: str) -> None:
        if fault == "cut":
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
        elif fault == "drip":
            for value in content:
                if self.stopped.is_set():
                    return
                handler.wfile.write(bytes([value]))
                handler.wfile.flush()
                time.sleep(0.02)
        else:
            handler.wfile.write(content)


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def options(server: Scripted) -> BatchOptions:
    """Patient ones: an answer that comes is heard, however busy the machine is."""
    times = Timeouts(connect=60, silence=60, answer=60, transfer=60)
    return BatchOptions(Secret(KEY), server.url, timeouts=times, read_retries=1)


def in_haste(options: BatchOptions) -> BatchOptions:
    """Options for answers that never come, or never end."""
    times = replace(options.timeouts, silence=1.0, answer=1.0)
    return replace(options, timeouts=times)


@pytest.fixture
def service(options: BatchOptions) -> Iterator[OpenAIBatches]:
    opened = OpenAIBatches(options)
    yield opened
    opened.close()
