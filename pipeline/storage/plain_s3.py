"""S3 by plain requests: listings, and keys that obstore's paths cannot hold: `a//b`, `./a`, `..`,
control characters, a slash at an end. One of them would hide its whole bucket, or be taken for
another key."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import os
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import quote, unquote_plus, urlencode, urlsplit
from xml.etree import ElementTree

from pipeline.core.reasons import rejection
from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.storage.credentials import S3Access, s3_access
from pipeline.storage.failures import code_of, whole_failure
from pipeline.storage.object_key import ObjectKey, quoted_tag
from pipeline.storage.place import Place
from pipeline.storage.plain_http import PlainConnection
from pipeline.storage.settings import StorageSettings

_EMPTY = hashlib.sha256(b"").hexdigest()
_LONGEST_LISTING = 64 << 20
_FIRST_KEYS = 1000  # a key stands among the first that begin with it, in any order of a service


class PlainS3:
    """Bucket of an S3 service; a listing keeps its connection, other requests have one each."""

    def __init__(self, place: Place, settings: StorageSettings) -> None:
        self._place, self._retries = place, settings.retries
        self._access = s3_access(settings, os.environ)
        endpoint = self._access.endpoint or f"https://s3.{self._access.region}.amazonaws.com"
        self._endpoint = urlsplit(endpoint)

    @property
    def is_open(self) -> bool:
        """Tell whether requests can be signed here, or need not be."""
        return self._access.anonymous or bool(self._access.key)

    def keys(self, prefix: str) -> Generator[ObjectKey, None, None]:
        """Objects below a prefix, in the service's order, streamed; closed by whoever does not
        take all of them.

        Raises:
            UsageError: the bucket cannot be listed.
        """
        query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
        with self._connection() as line:
            while True:
                status, body = self._ask(line, "", query, {}, _LONGEST_LISTING)
                if status != 200:
                    raise whole_failure(_answer_error(status, body), self._place)
                page = _parsed(body, self._place)
                yield from page
                if not page.token:
                    return
                query["continuation-token"] = page.token

    def describe(self, key: str) -> ObjectKey | Rejection:
        """Size and stamp of an object, which the listing says; `vanished` where there is none.

        Raises:
            UsageError: the bucket cannot be listed.
        """
        with contextlib.closing(self.keys(key)) as keys:
            first = islice(keys, _FIRST_KEYS)
            return next((item for item in first if item.key == key), rejection("vanished"))

    def read(self, key: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        """Bytes of an object; see `Reader.read`.

        Raises:
            UsageError: nothing of this bucket can be read.
        """
        headers = {"If-Match": stamp} if stamp.startswith('"') else {}
        with self._connection() as line:
            status, body = self._ask(line, key, {}, headers, max_bytes + 1)
        if status == 200:
            return body if len(body) <= max_bytes else rejection("too_large_file")
        error = _answer_error(status, body)
        if status == 404 and code_of(error) != "NoSuchBucket":
            return rejection("vanished")
        if status == 412:
            return rejection("changed")
        if status == 403 and code_of(error) == "AccessDenied":
            return rejection("unreadable", "the credentials may not read this object")
        if status < 500:
            raise whole_failure(error, self._place)
        return rejection("unreadable", f"the storage answers {status}")

    def head(self, key: str, length: int) -> bytes:
        """First bytes of an object, b"" where it cannot be read.

        Raises:
            UsageError: the service gives no answer.
        """
        headers = {"Range": f"bytes=0-{length - 1}"}
        with self._connection() as line:
            status, body = self._ask(line, key, {}, headers, length)
        return body if status in (200, 206) else b""

    def _ask(
        self,
        line: PlainConnection,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        most: int,
    ) -> tuple[int, bytes]:
        """Status and body up to `most` bytes; retried while the service fails."""
        for again in range(self._retries + 1):
            target, signed = self._signed(key, query, headers)
            try:
                answer = line.get(target, signed, most)
            except (OSError, http.client.HTTPException) as error:
                if again == self._retries:
                    raise whole_failure(error, self._place) from None
            else:
                if answer[0] < 500 or again == self._retries:
                    return answer
            time.sleep(min(0.1 * 2**again, 5))
        raise AssertionError("unreachable")

    def _signed(
        self, key: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Path with its query, and headers, of a request of this moment."""
        base = self._endpoint.path.rstrip("/")
        path = f"{base}/{self._place.bucket}/{quote(key, safe='/~')}".rstrip("/" if not key else "")
        text = urlencode(sorted(query.items()), quote_via=quote, safe="~")
        signed = sign(self._access, "GET", self._endpoint.netloc, path, text, headers)
        return f"{path}?{text}" if text else path, signed

    def _connection(self) -> contextlib.closing[PlainConnection]:
        return contextlib.closing(PlainConnection(self._endpoint))


class _Page(list[ObjectKey]):
    """Page of a listing, with the token of the next one, "" for none."""

    token = ""


def _parsed(body: bytes, place: Place) -> _Page:
    page = _Page()
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise UsageError(f"{place.root}: its listing is no XML ({error})") from error
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    encoded = root.findtext(f"{space}EncodingType") == "url"
    for item in root.iter(f"{space}Contents"):
        key = item.findtext(f"{space}Key") or ""
        modified = (item.findtext(f"{space}LastModified") or "").partition(".")[0].rstrip("Z")
        tag = item.findtext(f"{space}ETag") or ""
        size = int(item.findtext(f"{space}Size") or 0)
        stamp = quoted_tag(tag) if tag else f"time:{modified}+00:00"
        page.append(
            ObjectKey(unquote_plus(key) if encoded else key, size, stamp, f"{modified}+00:00")
        )
    if root.findtext(f"{space}IsTruncated") == "true":
        page.token = root.findtext(f"{space}NextContinuationToken") or ""
    return page


def _answer_error(status: int, body: bytes) -> Exception:
    return RuntimeError(f"status {status}: {body[:2000].decode('utf-8', 'replace')}")


def sign(
    access: S3Access, method: str, host: str, path: str, query: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Headers of a request without a body, signed by AWS Signature Version 4 unless anonymous."""
    if access.anonymous:
        return dict(headers)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    lower = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": now}
    if access.token:
        lower["x-amz-security-token"] = access.token
    names = ";".join(sorted(lower))
    listed = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    request = f"{method}\n{path}\n{query}\n{listed}\n{names}\n{_EMPTY}"
    scope = f"{now[:8]}/{access.region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{access.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    del lower["host"]
    credential = f"Credential={access.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, **lower, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}
