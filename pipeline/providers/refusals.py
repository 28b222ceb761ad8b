"""Meaning of an HTTP answer that is not a success.

A refusal is definite only when it can have come from nowhere but the service's own check of the
request: a 4xx that says so in the body. A 4xx without such a body may be a gateway's that gave up
on a request which the service still carried out; so may 408, 409, 425 and 499 with any body. A
single request that is redirected, unknown, too large or one too many was not run, whoever says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from pipeline.core.batch_errors import ACCOUNT_ADVICE, classify
from pipeline.core.pauses import is_passing, pause_asked
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.errors import Ambiguous, DefiniteRefusal, NotFound, ServiceError
from pipeline.providers.base import AccountRefusal
from pipeline.system.secrets import redact

_DEFINITE = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
_NOT_RUN = frozenset({*range(301, 309), 404, 405, 413, 429})
_ACCOUNT = {401: "invalid_api_key", 402: "payment_required", 403: "permission_denied"}
_MONEY = ("quota", "billing")
_LONGEST = 500


class HttpAnswer(Struct, frozen=True):
    """HTTP answer as it came."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def refusal_error(
    answer: HttpAnswer,
    action: str,
    effect: bool,
    thing: str,
    secrets: tuple[str, ...],
    *,
    single: bool = False,
) -> ServiceError:
    """Error for `answer`.

    Args:
        action: words that follow "cannot".
        effect: whether the call changes something: then the answer must prove that it did not.
        thing: what a 404 is about, "" when it is about no object.
        secrets: texts that must not appear in the message.
        single: whether the call is a single request, which certain statuses prove was not run.
    """
    error = _error(answer.body)
    shown = redact(_shown(answer, error), secrets)
    words = f"cannot {action}: the service answered {answer.status}{shown}"
    body = answer.body.decode("utf-8", "replace")
    pause = pause_asked(answer.headers, body, time.time())
    not_run = (single and answer.status in _NOT_RUN) or (error and answer.status in _DEFINITE)
    if effect and not not_run:
        whose = "" if error else " without its own words"
        text = f"the service answered {answer.status}{whose} to the request to {action}{shown}"
        return Ambiguous(text, status=answer.status, retry_after=pause)
    code = error.code if error else ""
    kind = classify(code, error.message if error else "").kind
    if answer.status == 429 and (pause is not None or is_passing(body)) and kind in _MONEY:
        kind = "unknown"  # a limit of some minutes in the words of a spent account
    if answer.status in _ACCOUNT and kind not in ACCOUNT_ADVICE:
        code, kind = code or _ACCOUNT[answer.status], "billing" if answer.status == 402 else "auth"
    details: dict[str, Any] = {"status": answer.status, "code": redact(code, secrets) or None}
    if kind in ACCOUNT_ADVICE and 400 <= answer.status < 500:
        return AccountRefusal(f"{words.rstrip('.')}; {ACCOUNT_ADVICE[kind]}", **details)
    details["retry_after"] = pause
    if answer.status == 404 and thing:
        return NotFound(f"the service does not know {thing}{shown}", **details)
    return DefiniteRefusal(words, **details) if effect else ServiceError(words, **details)


def _error(body: bytes) -> ErrorWords | None:
    """Error in `body`, None when it is not the JSON of an error."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return error_in(data)


def _shown(answer: HttpAnswer, error: ErrorWords | None) -> str:
    """Service's words for a message: one line, not too long, printable."""
    if 300 <= answer.status < 400:
        target = urlsplit(answer.headers.get("location", ""))
        return (
            f" (a redirect to {target.hostname or 'another path'}, which is not followed: "
            "set base_url to the final address)"
        )
    text = error.message or error.code if error else ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {text[:_LONGEST]}" if text else ""
