from __future__ import annotations

import email.utils
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.batch_errors import classify
from pipeline.core.pauses import retry_after
from pipeline.errors import Ambiguous, DefiniteRefusal, NeedsPerson, NotFound, ServiceError
from pipeline.providers.base import AccountRefusal
from pipeline.providers.refusals import HttpAnswer, refusal_error

OPENAI = {"error": {"message": "No.", "type": "invalid_request_error", "code": None}}
KEY = "my-own-key-123"


def effect(status: int, body: object = OPENAI, **headers: str) -> ServiceError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal_error(HttpAnswer(status, content, headers), "create the batch", True, "", (KEY,))


def read(status: int, body: object = OPENAI, thing: str = "batch b") -> ServiceError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal_error(HttpAnswer(status, content, {}), "look at it", False, thing, (KEY,))


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422, 429])
def test_a_refusal_in_the_services_own_words_is_definite(status: int) -> None:
    error = effect(status)
    assert type(error) is DefiniteRefusal
    assert error.status == status
    assert str(error) == f"cannot create the batch: the service answered {status}: No."


@pytest.mark.parametrize(
    "status", [408, 409, 425, 499, 410, 418, 500, 502, 503, 504, 529, 301, 307]
)
def test_other_statuses_prove_nothing(status: int) -> None:
    assert type(effect(status)) is Ambiguous


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>403 Forbidden</h1></html>",
        b'{"error": {"mess',
        b"null",
        b"[]",
        b'"no"',
        b"{}",
        b'{"id": "batch_1", "object": "batch"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_4xx_in_nobodys_words_proves_nothing(status: int, body: bytes) -> None:
    error = effect(status, body, **{"retry-after": "600"})
    assert type(error) is Ambiguous
    assert str(error).startswith(f"the service answered {status} without its own words to ")
    assert error.retry_after == 600


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "No."}, "No."),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body"], "msg": "Field required"}]}, "Field required"),
        ({"object": "error", "message": "No.", "type": "BadRequestError", "code": 400}, "No."),
        ({"code": 20012, "message": "Model does not exist", "data": None}, "Model does not exist"),
        ({"error": {"code": "empty_file"}}, "empty_file"),
    ],
)
def test_other_services_words(body: object, message: str) -> None:
    error = effect(400, body)
    assert type(error) is DefiniteRefusal
    assert message in str(error)


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (
            429,
            {"code": "insufficient_quota", "message": "You exceeded your current quota"},
            "credits",
        ),
        (429, {"type": "insufficient_quota", "code": None, "message": "You exceeded"}, "credits"),
        (400, {"code": "billing_hard_limit_reached", "message": "Billing hard limit"}, "billing"),
        (403, {"code": "billing_not_active", "message": "Not active"}, "billing"),
        (402, {"message": "Top up."}, "billing"),
        (
            401,
            {"code": "invalid_api_key", "message": "Incorrect API key provided"},
            "check the key",
        ),
        (401, {"message": "Unauthorized"}, "check the key"),
        (403, {"message": "Missing scopes: api.files.write"}, "check the key"),
    ],
)
def test_what_a_person_must_repair(status: int, error: dict[str, object], advice: str) -> None:
    for found in (effect(status, {"error": error}), read(status, {"error": error})):
        assert type(found) is AccountRefusal
        assert isinstance(found, NeedsPerson)
        assert isinstance(found, DefiniteRefusal)
        assert advice in str(found)
        # the caller classifies by code and text again and must come to the same
        assert classify(found.code, str(found)).kind in ("quota", "billing", "auth")


def test_a_rate_limit_is_no_matter_for_a_person() -> None:
    body = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
    error = effect(429, body, **{"retry-after": "17"})
    assert type(error) is DefiniteRefusal
    assert (error.retry_after, error.code) == (17.0, "rate_limit_exceeded")


def test_404_of_an_object() -> None:
    error = read(404)
    assert type(error) is NotFound
    assert str(error) == "the service does not know batch b: No."
    assert type(read(404, b"<html>")) is NotFound


def test_404_of_no_object() -> None:
    assert type(read(404, thing="")) is ServiceError
    assert type(effect(404)) is DefiniteRefusal


@pytest.mark.parametrize("status", [400, 409, 429, 500, 503, 302])
def test_a_failed_read(status: int) -> None:
    error = read(status, b"<html>")
    assert type(error) is ServiceError
    assert error.status == status


def test_a_redirect_is_named_without_its_secrets() -> None:
    location = {"location": "https://elsewhere.example/x?token=abc"}
    text = str(refusal_error(HttpAnswer(307, b"", location), "create it", True, "", ()))
    assert "elsewhere.example" in text
    assert "token" not in text


def test_words_are_one_clean_short_line() -> None:
    body = {"error": {"message": "a\x1b[31mred\x00\nline\u2028 " + "x" * 5000}}
    text = str(effect(400, body))
    assert text.isprintable()
    assert len(text) < 700


def test_keys_are_hidden() -> None:
    body = {"error": {"message": f"bad {KEY} and sk-abc-123456", "code": KEY}}
    error = effect(400, body)
    assert KEY not in f"{error} {error.code}"
    assert "sk-abc" not in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "99999999999"}, 7 * 86_400),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, time.time()) == seconds


def test_retry_after_a_date() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    found = retry_after({"retry-after": date}, time.time())
    assert found is not None
    assert 0 < found <= 3600
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, time.time()) is None


@given(st.integers(300, 599), st.binary(max_size=100))
def test_any_answer_is_an_error_of_ours(status: int, body: bytes) -> None:
    assert isinstance(effect(status, body), ServiceError)
    assert isinstance(read(status, body), ServiceError)


def single(status: int, body: object, **headers: str) -> ServiceError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal_error(
        HttpAnswer(status, content, headers), "ask for a caption", True, "", (KEY,), single=True
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 404, 405, 413, 429])
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"no", b"[]", b'{"err'])
def test_a_single_request_that_was_not_run_is_refused_whatever_the_body(
    status: int, body: bytes
) -> None:
    error = single(status, body, **{"retry-after": "3"})
    assert type(error) is DefiniteRefusal
    assert (error.status, error.retry_after) == (status, 3)
    assert type(effect(status, body)) is Ambiguous  # a batch: the service's list tells


@pytest.mark.parametrize("status", [400, 403, 408, 500, 502, 503])
def test_what_may_have_run_stays_in_doubt(status: int) -> None:
    assert type(single(status, b"<html>")) is Ambiguous


QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("body", "headers", "pause"),
    [
        ([{"error": {"code": 429, "message": f"{QUOTA} Please retry in 1.2s."}}], {}, 1.2),
        ({"error": {"message": QUOTA, "details": [{"retryDelay": "7s"}]}}, {}, 7),
        ({"error": {"code": "insufficient_quota", "message": f"{QUOTA} x#token-limit"}}, {}, None),
        ({"error": {"code": "insufficient_quota", "message": QUOTA}}, {"retry-after": "1"}, 1),
    ],
)
def test_a_limit_of_a_minute_in_the_words_of_a_spent_account(
    body: object, headers: dict[str, str], pause: float | None
) -> None:
    error = single(429, body, **headers)
    assert type(error) is DefiniteRefusal
    assert error.retry_after == pause


def test_a_spent_account_is_one() -> None:
    spent = {"error": {"code": "insufficient_quota", "message": QUOTA}}
    assert type(single(429, spent)) is AccountRefusal
    assert type(single(403, spent, **{"retry-after": "1"})) is AccountRefusal
