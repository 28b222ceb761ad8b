from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.line_failure import line_failure
from pipeline.core.retry import retryable_failure

WORDS = "maximum context length is 2048 tokens"
NESTED = {"message": WORDS, "type": "BadRequestError", "param": None, "code": 400}


@pytest.mark.parametrize(
    ("status", "error", "body"),
    [
        (400, {"error": NESTED}, None),
        (400, None, {"error": {"error": NESTED}}),
        (400, None, {"error": WORDS}),
        (400, None, {"object": "error", **NESTED}),
        (400, None, {"detail": WORDS}),
        (400, None, {"detail": [{"msg": WORDS, "type": "value_error"}]}),
        (400, None, {"message": WORDS}),
        (400, None, [{"error": {"message": WORDS}}]),
        (400, None, f"Bad request: {WORDS}"),
        (400, WORDS, None),
        (None, WORDS, None),
        (None, {"code": None, "message": None}, {"error": {"message": WORDS}}),
        (200, None, {"error": {"message": WORDS, "code": 400}}),
    ],
)
def test_the_services_words_are_never_lost(status: int | None, error: Any, body: Any) -> None:
    failure = line_failure(status, error, body, 2)
    assert failure.outcome == "failed"
    assert WORDS in failure.reason
    assert not failure.ran


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [(200, 429, True), (200, "503", True), (200, 400, False), (400, 503, False), (503, 400, True)],
)
def test_the_code_of_an_error_inside_an_answer_is_its_status(
    status: int, code: object, again: bool
) -> None:
    failure = line_failure(status, None, {"error": {"message": "busy", "code": code}}, 2)
    assert retryable_failure(failure.code) is again


@pytest.mark.parametrize(
    ("status", "code", "message", "ran"),
    [
        (400, "content_filter", "The response was filtered", True),
        (400, "content_policy_violation", "no", False),
        (400, "invalid_request_error", "rejected as a result of our safety system", False),
        (403, "DataInspectionFailed", "no", False),
        (200, "SAFETY", "no", False),
    ],
)
def test_a_filter_is_one_with_any_status(status: int, code: str, message: str, ran: bool) -> None:
    failure = line_failure(status, None, {"error": {"code": code, "message": message}}, 2)
    assert (failure.outcome, failure.ran) == ("filtered", ran)
    assert line_failure(status, None, {"error": {"code": code}}, 1).outcome == "failed"


def test_a_failing_filter_service_is_a_failure() -> None:
    error = {"code": "safety_unavailable", "message": "The safety system is down"}
    assert line_failure(503, None, {"error": error}, 2).outcome == "failed"


@pytest.mark.parametrize(
    ("status", "code", "message", "again"),
    [
        (429, "rate_limit_exceeded", "Request too large for m: Limit 6000, Requested 9337", False),
        (413, "rate_limit_exceeded", "on TPM: Limit 6000, Requested 9337", False),
        (429, None, "The request body is too large", False),
        (429, "rate_limit_exceeded", "Limit 6000, Used 5900, Requested 337. Try again", True),
        (429, None, "Too many requests", True),
    ],
)
def test_a_limit_that_no_waiting_heals_is_a_refusal(
    status: int, code: str | None, message: str, again: bool
) -> None:
    failure = line_failure(status, None, {"error": {"code": code, "message": message}}, 2)
    assert failure.outcome == "failed"
    assert retryable_failure(failure.code) is again
    assert (failure.code == "request_too_large") is not again


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": ""}])
@pytest.mark.parametrize("status", [None, 0])
def test_nothing_at_all_may_have_been_billed(status: int | None, error: Any) -> None:
    failure = line_failure(status, error, {}, 2)
    assert (failure.outcome, failure.code, failure.ran) == ("missing", "0", True)
    assert line_failure(status, error, {}, 1).outcome == "failed"


def test_a_web_page_is_named() -> None:
    assert "web page" in line_failure(502, None, "<html>Bad gateway", 2).reason


def test_a_number_that_is_no_status_is_not_taken_for_one() -> None:
    failure = line_failure(400, {"code": 1302, "message": "no"}, None, 2)
    assert failure.code == "1302"
    assert not retryable_failure(failure.code)
