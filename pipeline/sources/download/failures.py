"""Reasons for the HTTP library's errors: every failed download has one."""

from __future__ import annotations

import socket
import ssl

import aiohttp

from pipeline.core.download import Failure, refusal
from pipeline.records import Rejection
from pipeline.sources.download.ssrf_guard import ForbiddenAddress

NETWORK_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""What a request may raise. ValueError: names and headers that cannot be encoded."""

_BAD_URL = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.RedirectClientError)
_BROKEN = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError)


class DownloadRefused(Exception):
    """Download that we end ourselves."""

    def __init__(self, failure: Failure | Rejection) -> None:
        self.failure = failure if isinstance(failure, Failure) else Failure(failure)
        super().__init__(self.failure.rejection.detail)


def failure_of(error: BaseException) -> Failure:
    """Failure for NETWORK_ERRORS and DownloadRefused. Details name no URL, which may be secret."""
    if isinstance(error, DownloadRefused):
        return error.failure
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ForbiddenAddress):
        return Failure(refusal("forbidden_address", str(cause)))
    if isinstance(error, TimeoutError):
        silent = isinstance(error, aiohttp.ServerTimeoutError)
        return Failure(refusal("timeout", "the host was silent" if silent else ""), passing=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        again = isinstance(cause, OSError) and cause.errno == socket.EAI_AGAIN
        return Failure(refusal("dns_error", _words(cause)), passing=again)
    if isinstance(cause, ssl.SSLError) or isinstance(error, aiohttp.ClientSSLError):
        return Failure(refusal("tls_error", _words(cause)))
    if isinstance(error, _BAD_URL):
        return Failure(refusal("bad_url"))
    if isinstance(error, _BROKEN):
        return Failure(refusal("connection_error", _words(cause)), passing=True)
    return Failure(refusal("http_error", "the answer is not proper HTTP"))


def _words(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLError):  # its attributes are set by the interpreter's own code only
        text = getattr(error, "verify_message", None) or getattr(error, "reason", None) or ""
        return str(text).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "it ended early"
    return ""
