from __future__ import annotations

import inspect
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import client_exceptions
from aiohttp.client_reqrep import ConnectionKey

from pipeline.core.download import Failure, refusal
from pipeline.core.reasons import DOWNLOAD
from pipeline.sources.download.failures import NETWORK_ERRORS, DownloadRefused, failure_of
from pipeline.sources.download.ssrf_guard import ForbiddenAddress

KEY: Any = ConnectionKey("a.example", 80, False, True, None, None, None)
EVERY = [
    kind
    for _, kind in inspect.getmembers(client_exceptions, inspect.isclass)
    if issubclass(kind, aiohttp.ClientError)
]


def example(kind: type[Exception]) -> Exception:
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(KEY, ssl.SSLCertVerificationError("self-signed"))
    if issubclass(kind, client_exceptions.UnixClientConnectorError):
        return kind("path", KEY, OSError(2, "gone"))
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(KEY, OSError(111, "refused"))
    if issubclass(kind, aiohttp.ClientResponseError):
        return kind(SimpleNamespace(real_url="x"), ())
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"", b"", "h", 1)
    if issubclass(kind, aiohttp.InvalidURL):
        return kind("http://secret.example/?token=1")
    return kind("http://secret.example/?token=1")


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_of_the_library_has_a_reason(kind: type[Exception]) -> None:
    error = example(kind)
    assert isinstance(error, NETWORK_ERRORS)
    failure = failure_of(error)
    assert failure.rejection.code in DOWNLOAD
    assert failure.rejection.code not in ("not_found", "not_an_image", "url_not_enabled")
    assert "secret" not in failure.rejection.detail
    assert "token" not in failure.rejection.detail


def verification_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("error", "code", "passing", "said"),
    [
        (ForbiddenAddress("10.0.0.1", "a private address"), "forbidden_address", False, "private"),
        (
            aiohttp.ClientConnectorDNSError(KEY, ForbiddenAddress("10.0.0.1", "private")),
            "forbidden_address",
            False,
            "10.0.0.1",
        ),
        (
            aiohttp.ClientConnectorError(KEY, ForbiddenAddress("::1", "this machine")),
            "forbidden_address",
            False,
            "::1 is this machine",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_NONAME, "not known")),
            "dns_error",
            False,
            "not known",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_AGAIN, "try again")),
            "dns_error",
            True,
            "try again",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, verification_error()),
            "tls_error",
            False,
            "certificate has expired",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x")),
            "tls_error",
            False,
            "",
        ),
        (ssl.SSLError(1, "broken"), "tls_error", False, ""),
        (TimeoutError(), "timeout", True, "longer than allowed"),
        (aiohttp.SocketTimeoutError(), "timeout", True, "silent"),
        (aiohttp.ConnectionTimeoutError(), "timeout", True, "silent"),
        (aiohttp.ServerDisconnectedError(), "connection_error", True, "ended early"),
        (aiohttp.ClientPayloadError(), "connection_error", True, "ended early"),
        (ConnectionResetError(104, "Connection reset by peer"), "connection_error", True, "reset"),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "Connection refused")),
            "connection_error",
            True,
            "refused",
        ),
        (aiohttp.InvalidURL("x"), "bad_url", False, ""),
        (UnicodeError("label too long"), "http_error", False, ""),
    ],
)
def test_what_errors_mean(error: Exception, code: str, passing: bool, said: str) -> None:
    failure = failure_of(error)
    assert (failure.rejection.code, failure.passing) == (code, passing)
    assert said in failure.rejection.detail


def test_our_own_refusals_stay_what_they_are() -> None:
    failure = Failure(refusal("timeout"), passing=True, retry_after=3.0)
    assert failure_of(DownloadRefused(failure)) is failure
    assert failure_of(DownloadRefused(refusal("bad_url"))) == Failure(refusal("bad_url"))
