from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.batch_errors import FailureKind, classify, is_about_money, status_inside
from pipeline.core.line_failure import line_failure

# (code, message, kind). The messages are those that services send.
SEEN = [
    # openai-python #2084, #1643
    (
        "token_limit_exceeded",
        "Enqueued token limit reached for gpt-4o-mini in organization org-x. Limit: 2,000,000 "
        "enqueued tokens. Please try again once some in_progress batches have been completed.",
        "queue_full",
    ),
    (
        "",
        "Enqueued token limit reached for gpt-4o in organization org-x. Limit: 90000 enqueued "
        "tokens. Please try again once some in_progress batches have been completed.",
        "queue_full",
    ),
    # curator #116
    (
        "invalid_request_error",
        "Cannot find file file-7tEG, or project proj_849B does not have access to it.",
        "file_not_found_yet",
    ),
    ("", "Cannot find file file-XuGa does not have access to it.", "file_not_found_yet"),
    # curator #113
    ("invalid_request_error", "File is too large.", "bad_file"),
    (
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
        "quota",
    ),
    # gpt-pilot #340 and many others: the code is null, the type is "insufficient_quota"
    ("", "You exceeded your current quota, please check your plan and billing details.", "quota"),
    ("billing_hard_limit_reached", "Billing hard limit has been reached", "billing"),
    ("", "Billing hard limit has been reached", "billing"),
    ("billing_not_active", "Your account is not active, please check your billing.", "billing"),
    ("project_spend_limit_exceeded", "", "billing"),
    ("", "This organization has reached its monthly spend limit.", "billing"),
    ("Arrearage", "Access denied, please make sure your account is in good standing.", "billing"),
    ("invalid_json_line", "This line is not parseable as valid JSON.", "bad_file"),
    ("", "line 3: This line is not parseable as valid JSON.", "bad_file"),
    ("duplicate_custom_id", "The custom_id 'a' for this line has already been used.", "bad_file"),
    ("url_mismatch", "The URL provided for this request does not match the batch.", "bad_file"),
    ("model_mismatch", "The provided model does not match the other lines.", "bad_file"),
    ("empty_file", "The provided file is empty.", "bad_file"),
    ("too_many_tasks", "Your batch has too many tasks.", "bad_file"),
    ("", "The maximum number of requests per batch is 50000.", "bad_file"),
    ("model_not_found", "The model `gpt-9` does not exist or you do not have access.", "model"),
    ("", "The provided model 'gpt-9' is not supported by the Batch API.", "model"),
    ("invalid_api_key", "Incorrect API key provided: [hidden].", "auth"),
    ("", "Incorrect API key provided: [hidden].", "auth"),
    ("", "You have insufficient permissions for this operation. Missing scopes: x", "auth"),
    ("unsupported_country_region_territory", "Country, region, or territory not ok", "auth"),
    ("rate_limit_exceeded", "Rate limit reached for batches", "too_many_creates"),
    ("requests", "Too many requests, please slow down.", "too_many_creates"),
    ("server_error", "The server had an error while processing your request.", "server"),
    ("", "The server had an error while processing your request. Sorry about that!", "server"),
    ("something_new", "Nobody has seen this before.", "unknown"),
    ("", "", "unknown"),
]


@pytest.mark.parametrize(("code", "message", "kind"), SEEN)
def test_what_services_say(code: str, message: str, kind: str) -> None:
    found = classify(code, message)
    assert found.kind == kind
    assert (found.code, found.message) == (code, message)


def test_every_kind_is_seen() -> None:
    assert {kind for _, _, kind in SEEN} == set(get_args(FailureKind))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Limit: 2,000,000 enqueued tokens.", 2_000_000),
        ("Limit: 90000 enqueued tokens.", 90_000),
        ("limit: 1_500_000.", 1_500_000),
        ("Limit: 2 000 000 enqueued tokens", 2_000_000),
        ("Limit: 200000. Please try again", 200_000),
        ("Limit: 1.35M enqueued tokens", None),
        ("Limit: 3 M enqueued tokens", None),
        ("no number", None),
        ("Limit: many", None),
    ],
)
def test_the_limit_of_a_full_queue(text: str, limit: int | None) -> None:
    assert classify("token_limit_exceeded", text).limit == limit


def test_a_limit_counts_only_where_the_queue_is_full() -> None:
    assert classify("rate_limit_exceeded", "Limit: 2000 requests").limit is None


def test_the_line_of_a_bad_file() -> None:
    found = classify("invalid_json_line", "line 17: This line is not parseable as valid JSON.")
    assert found.line == 17
    assert classify("invalid_json_line", "This line is not parseable as valid JSON.").line is None


def test_the_code_decides_before_the_text() -> None:
    assert classify("token_limit_exceeded", "billing quota").kind == "queue_full"
    assert classify(" Insufficient_Quota ", "").kind == "quota"


def test_none_is_like_nothing() -> None:
    assert classify(None, None).kind == "unknown"


@given(st.text(max_size=30), st.text(max_size=200))
def test_any_text_is_kept(code: str, message: str) -> None:
    found = classify(code, message)
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize("code", ["insufficient_quota", "Billing_Not_Active", "payment_required"])
def test_codes_about_money_are_of_one_table(code: str) -> None:
    assert is_about_money(code)
    assert line_failure(429, None, {"error": {"code": code, "message": "no"}}, 2).code == code
    assert not is_about_money("rate_limit_exceeded")


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("429", "", 429),
        ("413", "", 413),
        ("rate_limit_exceeded", "", 429),
        ("", "Rate limit reached", 429),
        ("insufficient_quota", "", 429),
        ("payment_required", "", 402),
        ("invalid_api_key", "", 401),
        ("model_not_found", "", 404),
        ("invalid_request_error", "", 400),
        ("unsupported_parameter", "", 400),
        ("context_length_exceeded", "", 400),
        # what nobody can tell may have been billed
        ("", "Provider returned error", None),
        ("500", "", None),
        ("200", "", None),
        ("server_error", "", None),
        ("upstream_failure", "", None),
    ],
)
def test_an_error_inside_an_answer_stands_for_a_status(
    code: str, message: str, status: int | None
) -> None:
    assert status_inside(code, message) == status
