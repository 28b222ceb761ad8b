from __future__ import annotations

import asyncio
import ssl

import httpx2
import openai
import pytest

from pipeline.errors import Ambiguous, CaptionmillError, DefiniteRefusal, ServiceError
from pipeline.providers import sdk
from pipeline.providers.base import BatchOptions
from pipeline.system.secrets import Secret

KEY = "sk-test-0123456789abcdef"
OPTIONS = BatchOptions(Secret(KEY), "http://127.0.0.1:9/v1", extra_headers={"api-key": "azure-123"})
WRITE = sdk.Call("create the batch", effect=True)
READ = sdk.Call("look at batch b", thing="batch b")
REQUEST = httpx2.Request("POST", "http://127.0.0.1:9/v1", headers={"authorization": KEY})


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://127.0.0.1:9/v1", 0),
        ("https://127.0.0.1:9/v1", 1),
        ("http://api.example/v1", 1),  # a proxy may speak TLS
        ("https://api.example/v1", 1),
    ],
)
def test_certificates_are_read_unless_a_service_of_this_machine_has_none(
    monkeypatch: pytest.MonkeyPatch, url: str, read: int
) -> None:
    reads: list[bool] = []

    def authorities(*, _trust_env: bool) -> ssl.SSLContext:
        reads.append(_trust_env)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr("httpcore2.default_ssl_context", authorities)
    once, _ = sdk.open_clients(BatchOptions(Secret(KEY), url))
    once.close()
    assert len(reads) == read
    asyncio.run(sdk.open_async(BatchOptions(Secret(KEY), url), 1).close())
    assert len(reads) == 2 * read


def classes(base: type[BaseException]) -> list[type[BaseException]]:
    below = [found for sub in base.__subclasses__() for found in classes(sub)]
    return [base, *below]


def build(kind: type[BaseException]) -> Exception:
    """An instance of any exception class of the SDK or the HTTP library."""
    body = {"error": {"message": f"the key {KEY}", "code": None}}
    response = httpx2.Response(getattr(kind, "status_code", 400), json=body, request=REQUEST)
    for arguments in (
        {"message": f"oh {KEY}", "response": response, "body": body},
        {"response": response, "body": body},
        {"message": f"oh {KEY}", "request": REQUEST, "body": body},
        {"message": f"oh {KEY}", "request": REQUEST},
        {"message": f"oh {KEY}", "request": REQUEST, "response": response},
        {"request": REQUEST},
        {"completion": type("C", (), {"usage": None})()},
        {"message": f"oh {KEY}", "unsent_messages": []},
        {"message": f"oh {KEY}"},
        {"symbol": KEY},
        {},
    ):
        try:
            return kind(**arguments)  # type: ignore[return-value]
        except TypeError:
            continue
    return kind(f"oh {KEY}")  # type: ignore[return-value]


OURS = [
    kind
    for base in sdk.FOREIGN
    for kind in classes(base)
    if kind.__module__.partition(".")[0] in ("openai", "httpx2")
]


def test_the_list_of_exceptions_is_not_empty() -> None:
    assert {openai.RateLimitError, openai.APITimeoutError, httpx2.ReadTimeout} <= set(OURS)
    assert len(OURS) > 40


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_sdk_is_translated(kind: type[BaseException]) -> None:
    error = build(kind)
    assert isinstance(error, sdk.FOREIGN)
    write = sdk.sdk_error(error, WRITE, OPTIONS)
    assert isinstance(write, (Ambiguous, DefiniteRefusal))
    read = sdk.sdk_error(error, READ, OPTIONS)
    assert isinstance(read, ServiceError)
    assert not isinstance(read, Ambiguous)
    for translated in (write, read):
        assert KEY not in f"{translated!r} {translated}"


@pytest.mark.parametrize("module", [openai, httpx2])
def test_no_exception_of_the_sdk_is_forgotten(module: object) -> None:
    """Those that a Files or Batches call cannot raise are named here."""
    elsewhere = {"InvalidWebhookSignatureError", "HTTPXDeprecationWarning"}
    named = [getattr(module, name) for name in dir(module)]
    raised = [k for k in named if isinstance(k, type) and issubclass(k, BaseException)]
    forgotten = {k.__name__ for k in raised if not issubclass(k, sdk.FOREIGN)}
    assert forgotten <= elsewhere


@pytest.mark.parametrize("inner", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
def test_what_was_never_sent_had_no_effect(inner: type[httpx2.RequestError]) -> None:
    error: Exception
    for error in (
        openai.APITimeoutError(request=REQUEST),
        openai.APIConnectionError(request=REQUEST),
    ):
        error.__cause__ = inner("all attempts failed")
        assert type(sdk.sdk_error(error, WRITE, OPTIONS)) is DefiniteRefusal
        assert type(sdk.sdk_error(error, READ, OPTIONS)) is ServiceError


@pytest.mark.parametrize(
    "inner",
    [
        httpx2.ReadTimeout,
        httpx2.WriteTimeout,
        httpx2.ReadError,
        httpx2.WriteError,
        httpx2.RemoteProtocolError,
        httpx2.CloseError,
        httpx2.ProxyError,
        httpx2.DecodingError,
    ],
)
def test_what_may_have_been_sent_may_have_had_an_effect(inner: type[httpx2.RequestError]) -> None:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = inner("broken")
    assert type(sdk.sdk_error(error, WRITE, OPTIONS)) is Ambiguous


def test_a_message_that_holds_a_key_is_not_shown() -> None:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'")
    text = str(sdk.sdk_error(error, WRITE, OPTIONS))
    assert KEY not in text
    assert "API key" in text


def test_extra_headers_are_secrets_too() -> None:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ReadError("the header azure-123 is odd")
    assert "azure-123" not in str(sdk.sdk_error(error, READ, OPTIONS))


def test_the_environment_chooses_no_other_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-elsewhere")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-elsewhere")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    for client in sdk.open_clients(OPTIONS):
        assert (client.organization, client.project) == (None, None)
        assert str(client.base_url) == "http://127.0.0.1:9/v1/"
        client.close()


def test_lost_answers() -> None:
    found: CaptionmillError = sdk.no_usable_answer(WRITE, "words")
    assert type(found) is Ambiguous
    assert type(sdk.no_usable_answer(READ, "words")) is ServiceError
