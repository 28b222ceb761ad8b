"""Meaning of an error of a batch service, by its code, then by its text.

There is no official list of codes, so what is not known stays "unknown" with its own words. The
same table serves refusals over HTTP and the errors of a failed batch. Texts are from OpenAI's
answers as users reported them (openai-python #1643 and #2084, curator #113, #116 and #120,
openai-cookbook #1564) and from the compatible services' error pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

FailureKind = Literal[
    "queue_full",
    "too_many_creates",
    "quota",
    "billing",
    "bad_file",
    "file_not_found_yet",
    "model",
    "auth",
    "server",
    "unknown",
]


class BatchFailure(Struct, frozen=True):
    """Error, understood.

    Attributes:
        kind: what to do about it:
            queue_full          wait until other batches are done, then create from the same file
            too_many_creates    wait some minutes
            quota, billing      a person must add credits or raise a limit
            bad_file            our bug or bad input: never send the same file again
            file_not_found_yet  an upload is not visible yet: try again for some seconds
            model               a person must choose another model
            auth                a person must repair the key or its permissions
            server              the service's fault: try again later
            unknown             keep the words, treat as not retryable at once
        code, message: as the service gave them.
        limit: enqueued prompt tokens allowed, when a full queue names them.
        line: line of the input file, counted from 1, when named.
    """

    kind: FailureKind
    code: str
    message: str
    limit: int | None = None
    line: int | None = None


ACCOUNT_ADVICE: Mapping[str, str] = {
    "quota": "the account's credits or quota are used up: add credits or raise the limit at the "
    "service, then run again; what was sent stays sent and is collected",
    "billing": "the account's billing does not allow it: repair billing or raise the spend limit "
    "at the service, then run again; what was sent stays sent and is collected",
    "auth": "the service refuses the API key or its permissions: check the key and base_url, then "
    "run again",
}
"""What a person can do about an account that is refused, by kind of failure."""

FAILURE_ADVICE: Mapping[str, str] = {
    **ACCOUNT_ADVICE,
    "model": "the service does not know the model, or not for batches: choose another one with "
    "--model, then run again",
}
"""The same for every failure that only a person can end."""

_CODES: dict[str, FailureKind] = {
    "token_limit_exceeded": "queue_full",
    "enqueued_token_limit_exceeded": "queue_full",
    "rate_limit_exceeded": "too_many_creates",
    "too_many_requests": "too_many_creates",
    "batch_limit_exceeded": "too_many_creates",
    "insufficient_quota": "quota",
    "quota_exceeded": "quota",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "organization_usage_limit_exceeded": "billing",
    "organization_spend_limit_exceeded": "billing",
    "project_spend_limit_exceeded": "billing",
    "payment_required": "billing",
    "arrearage": "billing",
    "invalid_json_line": "bad_file",
    "invalid_json": "bad_file",
    "duplicate_custom_id": "bad_file",
    "missing_custom_id": "bad_file",
    "invalid_custom_id": "bad_file",
    "url_mismatch": "bad_file",
    "mismatched_url": "bad_file",
    "invalid_url": "bad_file",
    "invalid_method": "bad_file",
    "model_mismatch": "bad_file",
    "mismatched_model": "bad_file",
    "empty_file": "bad_file",
    "empty_batch": "bad_file",
    "too_many_tasks": "bad_file",
    "file_too_large": "bad_file",
    "missing_required_parameter": "bad_file",
    "file_not_found": "file_not_found_yet",
    "model_not_found": "model",
    "model_not_supported": "model",
    "unsupported_model": "model",
    "invalid_model": "model",
    "invalid_api_key": "auth",
    "invalid_organization": "auth",
    "mismatched_organization": "auth",
    "account_deactivated": "auth",
    "access_terminated": "auth",
    "insufficient_permissions": "auth",
    "permission_denied": "auth",
    "missing_scope": "auth",
    "ip_not_authorized": "auth",
    "unsupported_country_region_territory": "auth",
    "server_error": "server",
    "internal_error": "server",
    "internal_server_error": "server",
    "service_unavailable": "server",
    "overloaded": "server",
    "timeout": "server",
}

# The first that matches decides: a spent account also says "limit", so money comes first.
_TEXTS: tuple[tuple[str, FailureKind], ...] = (
    (r"enqueued token|token limit reached for", "queue_full"),
    (r"exceeded your (current )?quota|insufficient (quota|credits|balance)", "quota"),
    (r"credit balance is too low|run out of credits|storage quota", "quota"),
    (r"billing|spend(ing)? limit|usage limit|payment|overdue", "billing"),
    (r"cannot find file|no such file|file\b.*\bnot found", "file_not_found_yet"),
    (
        r"incorrect api key|invalid api key|invalid authentication|api key.*(expired|revoked)",
        "auth",
    ),
    (r"missing scopes|insufficient permissions|not have permission|country, region", "auth"),
    (r"model\b.*(does not exist|not found|not supported|do not have access|deprecated)", "model"),
    (r"rate limit|too many requests|too many batches", "too_many_creates"),
    (r"not (parseable as )?valid json|custom_id|file is (too large|empty)", "bad_file"),
    (r"maximum (number of|size)|exceeds the .*limit of .*(requests|lines|bytes|mb)", "bad_file"),
    (r"server (had an )?error|internal error|overloaded|temporarily unavailable", "server"),
)
_COMPILED = tuple((re.compile(text, re.IGNORECASE | re.DOTALL), kind) for text, kind in _TEXTS)
# "2,000,000" and "90000" are numbers of tokens, "1.35M" is not read as 135
_LIMIT = re.compile(r"limit:\s*(\d{1,3}(?:[,_' ]\d{3})+|\d+)(?![\d.]*\s?[kmb]\b)", re.IGNORECASE)
_LINE = re.compile(r"\bline[: ]+(\d{1,9})\b", re.IGNORECASE)


def account_failure(codes: Iterable[str]) -> BatchFailure | None:
    """First of the codes that is about the account's money, None for none."""
    failures = (classify(code, "") for code in codes)
    return next((one for one in failures if one.kind in ("quota", "billing")), None)


def classify(code: str | None, message: str | None) -> BatchFailure:
    """Meaning of an error by `code`, then by `message`, else "unknown"."""
    code, message = code or "", message or ""
    kind = _CODES.get(code.strip().lower()) or _by_text(message)
    limit = _number(_LIMIT, message) if kind == "queue_full" else None
    return BatchFailure(kind, code, message, limit, _number(_LINE, message))


_STATUS: Mapping[FailureKind, int] = {
    "queue_full": 429,
    "too_many_creates": 429,
    "quota": 429,
    "billing": 402,
    "auth": 401,
    "model": 404,
}
_ABOUT_THE_REQUEST = re.compile(
    r"invalid|unsupported|not_supported|missing|unknown_param|bad_request|too_l(?:arge|ong)"
    r"|context_length|content_polic|moderation",
    re.IGNORECASE,
)


def status_inside(code: str, message: str) -> int | None:
    """HTTP status for which an error inside of an answer with status 200 stands; None where nothing
    tells that the request was not run."""
    if code.isascii() and code.isdigit() and len(code) == 3:
        return int(code) if 400 <= int(code) < 500 else None
    status = _STATUS.get(classify(code, message).kind)
    return status or (400 if _ABOUT_THE_REQUEST.search(code) else None)


def is_about_money(code: str) -> bool:
    """Recognise the code of a spent or blocked account, which no waiting cures."""
    return _CODES.get(code.strip().lower()) in ("quota", "billing")


def _by_text(message: str) -> FailureKind:
    for pattern, kind in _COMPILED:
        if pattern.search(message):
            return kind
    return "unknown"


def _number(pattern: re.Pattern[str], message: str) -> int | None:
    """First number behind `pattern`; thousands may be separated ("2,000,000")."""
    match = pattern.search(message)
    return int(re.sub(r"\D", "", match[1])) if match else None
