"""A Hub on loopback: accounts, data sets, commits and LFS, as `huggingface_hub` asks for them.

It keeps what goes up, and answers with what `faults` says instead, once each.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_0123456789abcdefABCDEF"


@dataclass
class Repository:
    """Data set at the Hub."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class HubState:
    """What the Hub holds, and what it does wrong."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)  # path's part -> status, once
    requests: list[str] = field(default_factory=list)
    commits: int = 0


Answer = tuple[int, object, dict[str, str]]


def _answer(state: HubState, path: str, body: bytes, token: str) -> Answer:
    """(status, JSON, headers) of one request."""
    for part in list(state.faults):
        if part in path:
            return state.faults.pop(part), {"error": "as the test wants it"}, {}
    if path.startswith("/objects/"):
        state.objects[path.rsplit("/", 1)[1]] = body
        return 200, {}, {}
    if token != f"Bearer {TOKEN}":
        return 401, {"error": "Invalid credentials in Authorization header"}, {}
    if path == "/api/whoami-v2":
        return 200, {"name": "ada", "type": "user", "auth": {"accessToken": {}}}, {}
    if path == "/api/validate-yaml":
        return 200, {"errors": [], "warnings": []}, {}
    if path == "/api/repos/create":
        return _create(state, json.loads(body))
    if path.endswith("/info/lfs/objects/batch"):
        return 200, {"objects": [_upload(state, o) for o in json.loads(body)["objects"]]}, {}
    _, _, _, user, short, *rest = [*path.split("/"), "", ""]
    repository = state.repositories.get(f"{user}/{short}")
    if repository is None:
        return 404, {"error": "Not found"}, {"X-Error-Code": "RepoNotFound"}
    return _of_repository(state, f"{user}/{short}", repository, rest[0], body)


def _create(state: HubState, asked: dict[str, Any]) -> Answer:
    name = f"{asked.get('organization') or 'ada'}/{asked['name']}"
    private = bool(asked.get("private")) or asked.get("visibility") == "private"
    state.repositories[name] = Repository(private)
    return 200, {"url": f"{state.url}/datasets/{name}"}, {}


def _upload(state: HubState, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["oid"] in state.objects:
        return asked
    href = f"{state.url}/objects/{asked['oid']}"
    return {**asked, "actions": {"upload": {"href": href, "header": {}}}}


def _of_repository(
    state: HubState, name: str, repository: Repository, what: str, body: bytes
) -> Answer:
    files = repository.files
    if what in ("", "revision"):
        facts = {"id": name, "private": repository.private, "sha": "0" * 40, "tags": []}
        return 200, {**facts, "siblings": [{"rfilename": file} for file in files]}, {}
    if what == "tree":
        return 200, [
            {"type": "file", "path": file, "size": len(data), "oid": "0" * 40}
            for file, data in files.items()
        ], {}  # fmt: skip
    if what == "preupload":
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] > 1000 else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return 200, {"files": modes}, {}
    assert what == "commit", what
    state.commits += 1
    for line in map(json.loads, body.splitlines()):
        _commit(state, files, line["key"], line["value"])
    oid = f"{state.commits:040}"
    return 200, {"success": True, "commitOid": oid, "commitUrl": f"{state.url}/c/{oid}"}, {}


def _commit(state: HubState, files: dict[str, bytes], key: str, value: dict[str, Any]) -> None:
    if key == "file":
        files[value["path"]] = base64.b64decode(value["content"])
    elif key == "lfsFile":
        data = state.objects[value["oid"]]
        assert hashlib.sha256(data).hexdigest() == value["oid"]
        files[value["path"]] = data
    elif key == "deletedFile":
        del files[value["path"]]


def _handler(state: HubState) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.requests.append(f"{self.command} {path}")
            token = self.headers.get("Authorization") or ""
            self._send(*_answer(state, path, body, token))

        do_POST = do_PUT = do_GET

        def do_HEAD(self) -> None:
            self._send(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})

        def _send(self, status: int, value: object, headers: dict[str, str]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    return Handler


@contextmanager
def loopback_hub() -> Iterator[HubState]:
    """A Hub for the length of the block."""
    state = HubState()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
