"""Official SDK and the HTTP library below it: opening clients, and their errors as ours.

Importing this costs half a second, so only an opened service does it. What the SDK (openai 3.54
on httpx2) does not do by itself and is done here: no redirect is followed (it would repeat a POST
at another address), a body that drips for ever ends, and the environment's proxies, organization
and project are not used behind the user's back.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import httpx2
import openai
from msgspec import Struct

from pipeline.core.batch_errors import classify
from pipeline.core.pauses import ASKED, retry_after, shown_span
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    DefiniteRefusal,
    NotFound,
    ServiceError,
)
from pipeline.providers.base import ELSEWHERE, AddressRefusal, BatchOptions, Timeouts
from pipeline.providers.refusals import HttpAnswer, refusal_error
from pipeline.system.secrets import redact

Response = httpx2.Response
"""An HTTP answer as the SDK hands it on."""

FOREIGN = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.CookieConflict,
    httpx2.StreamError,
)
"""Every exception that the SDK and the HTTP library raise for a call."""

# Raised before a byte of the request has left: certainly no effect.
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)


_MOST_SILENT_PAUSE = 2.0  # seconds
_MOST_ANSWER = 32 << 20  # bytes; a page of a list has some hundred thousand


class Call(Struct, frozen=True):
    """Call that was made, for messages and for what a lost answer means.

    Attributes:
        action: words that follow "cannot", e.g. "create the batch".
        effect: True when the call changes something at the service.
        thing: what a 404 says is not there, "" when a 404 says nothing of the kind.
        single: True for a call of which certain statuses prove that it was not run.
        asks_caption: True for a single request for a caption.
    """

    action: str
    effect: bool = False
    thing: str = ""
    single: bool = False
    asks_caption: bool = False


def open_clients(options: BatchOptions) -> tuple[openai.OpenAI, openai.OpenAI]:
    """Two SDK clients over one connection pool: one that sends everything once, and one that
    repeats what failed `read_retries` times."""
    times = options.timeouts
    timeout = httpx2.Timeout(times.silence, connect=times.connect, pool=times.connect)
    http = BoundedClient(
        times, timeout, trust_env=not options.loopback, verify=_authorities(options)
    )
    once, repeating = (
        openai.OpenAI(
            api_key=options.api_key.reveal(),
            base_url=options.base_url,
            timeout=timeout,
            max_retries=retries,
            default_headers=dict(options.extra_headers),
            http_client=http,
        )
        for retries in (0, options.read_retries)
    )
    for client in (once, repeating):
        # The SDK takes these from the environment when it is given None.
        client.organization, client.project = options.organization, options.project
    return once, repeating


def open_async(options: BatchOptions, connections: int) -> openai.AsyncOpenAI:
    """Asynchronous client that sends everything once and follows no redirect."""
    times = options.timeouts
    timeout = httpx2.Timeout(times.silence, connect=times.connect, pool=times.answer)
    client = openai.AsyncOpenAI(
        api_key=options.api_key.reveal(),
        base_url=options.base_url,
        timeout=timeout,
        max_retries=0,
        default_headers=dict(options.extra_headers),
        http_client=httpx2.AsyncClient(
            timeout=timeout,
            trust_env=not options.loopback,
            verify=_authorities(options),
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=connections),
        ),
    )
    # The SDK takes these from the environment when it is given None.
    client.organization, client.project = options.organization, options.project
    return client


def _authorities(options: BatchOptions) -> ssl.SSLContext | bool:
    """Authorities whose certificates count: none for a service of this machine without TLS, as
    reading them takes 25 ms; True for those of the system."""
    plain = options.loopback and options.base_url.lower().startswith("http:")
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True


class BoundedClient(httpx2.Client):
    """Follows no redirect, and no answer takes longer than its time. Longer pauses that a service
    asks for are left to the caller, who can say them and be stopped; the SDK would sleep."""

    def __init__(
        self,
        times: Timeouts,
        timeout: httpx2.Timeout,
        *,
        trust_env: bool,
        verify: ssl.SSLContext | bool,
    ) -> None:
        super().__init__(
            timeout=timeout, trust_env=trust_env, verify=verify, follow_redirects=False
        )
        self._times = times

    def send(
        self, request: httpx2.Request, *, stream: bool = False, **more: Any
    ) -> httpx2.Response:
        """Send once; the body of the answer gets `answer` seconds, a streamed one `transfer`."""
        more["follow_redirects"] = False
        response = super().send(request, stream=True, **more)
        pause = retry_after(response.headers, time.time())
        if pause is not None and pause > _MOST_SILENT_PAUSE:
            response.headers["x-should-retry"] = "false"  # which the SDK obeys
        seconds = self._times.transfer if stream else self._times.answer
        assert isinstance(response.stream, httpx2.SyncByteStream)
        most = None if stream else _MOST_ANSWER
        response.stream = _Bounded(response.stream, seconds, request, most)
        if not stream:
            try:
                response.read()
            except BaseException:
                response.close()
                raise
        return response


class _Bounded(httpx2.SyncByteStream):
    """Body that must end in time, and within `most` bytes. The HTTP library only limits the silence
    between pieces."""

    def __init__(
        self,
        stream: httpx2.SyncByteStream,
        seconds: float,
        request: httpx2.Request,
        most: int | None = None,
    ) -> None:
        self._stream, self._seconds, self._request = stream, seconds, request
        self._left = most
        self._end = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._end:
                text = f"the answer was not complete after {self._seconds:g} s"
                raise httpx2.ReadTimeout(text, request=self._request)
            if self._left is not None:
                self._left -= len(piece)
                if self._left < 0:
                    text = f"the answer is longer than {_MOST_ANSWER:,} bytes"
                    raise httpx2.ReadError(text, request=self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()


def post_file(client: openai.OpenAI, options: BatchOptions, filename: str, handle: FileIO) -> Any:
    """Upload a file of requests, once; gives the answer with its `content`."""
    part = (filename, handle, "application/jsonl")
    if not options.dialect.upload_path:
        more: dict[str, Any] = {}
        if options.upload_expires_after is not None:
            seconds = options.upload_expires_after
            more["expires_after"] = {"anchor": "created_at", "seconds": seconds}
        purpose: Any = options.batch_purpose
        return client.files.with_raw_response.create(file=part, purpose=purpose, **more)
    return client.post(
        options.dialect.upload_path,
        cast_to=httpx2.Response,
        body={"purpose": options.batch_purpose, "file_name": filename},
        files=[("file", part)],
        options={"headers": {"Content-Type": "multipart/form-data"}},
    )


class BoundedFile(FileIO):
    """File to upload that is read as it is sent, and must be through in time."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(path, "rb")
        self._end = time.monotonic() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Next `size` bytes, or a write timeout of the HTTP library."""
        if time.monotonic() > self._end:
            raise httpx2.WriteTimeout("the upload took too long")
        return super().read(-1 if size is None else size) or b""


def sdk_error(error: Exception, call: Call, options: BatchOptions) -> CaptionmillError:
    """Exception of the SDK as one of ours, without the key in its words."""
    if isinstance(error, openai.APIStatusError):
        response = error.response
        answer = HttpAnswer(response.status_code, response.content, response.headers)
        ours = refusal_error(
            answer, call.action, call.effect, call.thing, options.secrets(), single=call.single
        )
        return ours if call.asks_caption else _with_advice(ours, options)
    inner = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    words = redact(_words(inner or error), options.secrets())
    if isinstance(error, httpx2.TransportError):
        # The SDK wraps every error but those of a body that is read as it comes.
        return no_usable_answer(call, f"cut off ({words})")
    if isinstance(inner, _NEVER_SENT):
        place = redact(options.base_url, options.secrets())
        text = f"cannot {call.action}: no connection to {place} ({words}); check the network"
        return DefiniteRefusal(text) if call.effect else ServiceError(text)
    return no_usable_answer(call, words)


def _with_advice(error: ServiceError, options: BatchOptions) -> ServiceError:
    """Error of a call that manages batches, with what to do where nobody takes such calls."""
    words, kind = str(error).rstrip("."), type(error)
    is_refusal = isinstance(error, DefiniteRefusal)
    if error.retry_after and not is_refusal:
        words = f"{words}{ASKED}{shown_span(error.retry_after)}"
    elif error.status not in ELSEWHERE or error.code or isinstance(error, NotFound):
        return error
    elif "base_url" not in words:
        words = f"{words}; {options.address_advice()}"
    if is_refusal and error.status in ELSEWHERE and classify("", words).kind == "unknown":
        kind = AddressRefusal
    return kind(words, status=error.status, code=error.code, retry_after=error.retry_after)


def no_usable_answer(call: Call, words: str) -> ServiceError:
    """No usable answer. For a call that changes something nobody knows whether it did."""
    if call.effect:
        return Ambiguous(f"no usable answer to the request to {call.action}: {words}")
    return ServiceError(f"cannot {call.action}: {words}")


def _words(error: BaseException) -> str:
    """Exception's own words; its type where it has none. Never its request or headers."""
    if isinstance(error, httpx2.LocalProtocolError):
        return "the request could not be written (is there something odd in the API key?)"
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name
