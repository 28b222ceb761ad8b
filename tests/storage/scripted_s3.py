"""S3 as a script: a dictionary of objects behind loopback HTTP, with faults on demand."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit

import pytest

from pipeline.storage import StorageSettings

_FORMAT = "%Y-%m-%dT%H:%M:%S.000Z"
_DATE = "2026-01-01T00:00:00.000Z"
_HTTP_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


class ScriptedS3:
    """Objects by key, and what goes wrong with them.

    Attributes:
        latency: seconds before each answer.
        fail: status and code by key, or by "" for the bucket, for this many answers.
        changed_after_head: bytes that objects have from the next answer to HEAD on.
        hides_controls: control characters in a listing that is not encoded come as U+FFFD.
        cut: keys whose bodies end early, for this many answers.
        requests: "METHOD KEY" -> how often.
    """

    def __init__(self, bucket: str = "bucket", page: int = 1000) -> None:
        self.bucket, self.page = bucket, page
        self.objects: dict[str, bytes] = {}
        self.latency = 0.0
        self.hides_controls = False
        self.fail: dict[str, tuple[int, str, int]] = {}
        self.cut: dict[str, int] = {}
        self.changed_after_head: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.if_match: list[str | None] = []
        self.signed: list[str | None] = []
        self.lock = threading.Lock()
        self.endpoint = ""
        self.folder: Path | None = None
        self.dates: dict[str, str] = {}

    def serve(self, folder: Path) -> None:
        """Take the files below a folder for objects, as they are at each listing."""
        self.folder = folder

    def _refresh(self) -> None:
        if self.folder is not None:
            files = [path for path in self.folder.rglob("*") if path.is_file()]
            keys = {str(path.relative_to(self.folder)): path for path in files}
            self.objects = {key: path.read_bytes() for key, path in keys.items()}
            self.dates = {
                key: time.strftime(_FORMAT, time.gmtime(path.stat().st_mtime))
                for key, path in keys.items()
            }

    def settings(self, **changes: Any) -> StorageSettings:
        return StorageSettings(
            **{"endpoint": self.endpoint, "allow_http": True, "retries": 4, **changes}
        )

    def _shown(self, key: str) -> str:
        shown = re.sub(r"[\x00-\x1f]", "\ufffd", key) if self.hides_controls else key
        return _escaped(shown)

    def listing(self, query: dict[str, list[str]]) -> bytes:
        self._refresh()
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        after = max(after, unquote(query.get("continuation-token", [""])[0]))
        keys = sorted(k for k in self.objects if k.startswith(prefix) and k > after)
        shown, more = keys[: self.page], len(keys) > self.page
        url = "encoding-type" in query
        parts = [
            f"<Contents><Key>{quote_plus(key, '/') if url else self._shown(key)}</Key>"
            f"<LastModified>{self.dates.get(key, _DATE)}</LastModified>"
            f"<ETag>{etag(self.objects[key])}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        ]
        token = f"<NextContinuationToken>{quote(shown[-1])}</NextContinuationToken>" if more else ""
        encoding = "<EncodingType>url</EncodingType>" if url else ""
        return (
            f'<?xml version="1.0"?><ListBucketResult>{encoding}{token}'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{''.join(parts)}</ListBucketResult>"
        ).encode()


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _escaped(key: str) -> str:
    return key.replace("&", "&amp;").replace("<", "&lt;")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    s3: ScriptedS3

    def log_message(self, *_args: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def _begin(self) -> str | None:
        """Key of the request, None when it was answered already."""
        path = urlsplit(self.path).path
        _, bucket, *rest = path.split("/", 2)
        key = unquote(rest[0]) if rest else ""
        s3 = self.s3
        time.sleep(s3.latency)
        with s3.lock:
            s3.requests[f"{self.command} {key}"] += 1
            s3.if_match.append(self.headers.get("If-Match"))
            s3.signed.append(self.headers.get("Authorization"))
            status, code, left = s3.fail.get(key, (0, "", 0))
            s3.fail[key] = status, code, max(left - 1, 0)
        if left:
            self._error(status, code)
        elif bucket != s3.bucket:
            self._error(404, "NoSuchBucket")
        else:
            return key
        return None

    def do_GET(self) -> None:
        key = self._begin()
        if key is None:
            return
        if not key:
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            self._answer(200, self.s3.listing(query), Content_Type="application/xml")
            return
        data = self.s3.objects.get(key)
        wanted = self.headers.get("If-Match")
        if data is None:
            self._error(404, "NoSuchKey")
        elif wanted and wanted != etag(data):
            self._error(412, "PreconditionFailed")
        else:
            self._body(key, data)

    def _body(self, key: str, data: bytes) -> None:
        headers = {"ETag": etag(data), "Last_Modified": _HTTP_DATE}
        ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        status, total = 200, len(data)
        if ranged and data:
            first, last = int(ranged[1]), min(int(ranged[2] or total - 1), total - 1)
            data, status = data[first : last + 1], 206
            headers["Content_Range"] = f"bytes {first}-{last}/{total}"
        with self.s3.lock:
            cut = self.s3.cut.get(key, 0)
            self.s3.cut[key] = max(cut - 1, 0)
        if not cut:
            self._answer(status, data, **headers)
            return
        self._answer(status, data[: len(data) // 2], **headers, Content_Length=str(len(data)))
        self.close_connection = True

    def do_HEAD(self) -> None:
        key = self._begin()
        if key is not None:
            data = self.s3.objects.get(key)
            status = 404 if data is None else 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(data or b"")))
            self.send_header("ETag", etag(data or b""))
            self.send_header("Last-Modified", _HTTP_DATE)
            if key in self.s3.changed_after_head:
                self.s3.objects[key] = self.s3.changed_after_head.pop(key)
            self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self._begin() is not None:
            keys = re.findall("<Key>(.*?)</Key>", body)
            for key in keys:
                with self.s3.lock:
                    self.s3.requests[f"DELETE {key}"] += 1
                self.s3.objects.pop(key, None)
            deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self._begin()
        if key is None:
            return
        there = self.s3.objects.get(key)
        if_match = self.headers.get("If-Match")
        if (self.headers.get("If-None-Match") == "*" and there is not None) or (
            if_match and (there is None or if_match != etag(there))
        ):
            self._error(412, "PreconditionFailed")
        else:
            self.s3.objects[key] = body
            self._answer(200, ETag=etag(body))


@contextmanager
def scripted_s3(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[ScriptedS3]:
    """Serve an empty bucket; the environment holds credentials, and none of a cloud's."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    s3 = ScriptedS3(**options)
    handler = type("Handler", (_Handler,), {"s3": s3})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        s3.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield s3
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    """An empty bucket without faults."""
    with scripted_s3(monkeypatch) as served:
        yield served
