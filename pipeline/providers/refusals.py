"""What an HTTP answer that is not a success means.

A refusal is definite only when it can have come from nowhere but the service's own check of the
request: a 4xx that says so in the body. A 4xx without such a body may be a gateway's that gave up
on a request which the service still carried out; so may 408, 409, 425 and 499 with any body.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.batch_errors import classify
from pipeline.errors import Ambiguous, DefiniteRefusal, NotFound, ServiceError
from pipeline.providers.base import AccountRefusal
from pipeline.system.secrets import redact

_DEFINITE = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
_ACCOUNT = {401: "invalid_api_key", 402: "payment_required", 403: "permission_denied"}
_ADVICE = {
    "quota": "the account's credits or quota are used up: add credits or raise the limit at the "
    "service, then run again; what was sent stays sent and is collected",
    "billing": "the account's billing does not allow it: repair billing or raise the spend limit "
    "at the service, then run again; what was sent stays sent and is collected",
    "auth": "the service refuses the API key or its permissions: check the key and base_url, then "
    "run again",
}
_LONGEST = 500
_LONGEST_WAIT = 7 * 86_400


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer as it came."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """What an error body says; `code` falls back to the error's type."""

    code: str
    message: str


def refusal_error(
    answer: HttpAnswer, action: str, effect: bool, thing: str, secrets: tuple[str, ...]
) -> ServiceError:
    """The error for `answer`.

    Args:
        action: words that follow "cannot".
        effect: whether the call changes something: then the answer must prove that it did not.
        thing: what a 404 is about, "" when it is about no object.
        secrets: texts that must not appear in the message.
    """
    error_body = _error_body(answer.body)
    shown = redact(_shown(answer, error_body), secrets)
    words = f"cannot {action}: the service answered {answer.status}{shown}"
    if effect and not (error_body and answer.status in _DEFINITE):
        text = f"no usable answer to the request to {action}: {answer.status}{shown}"
        return Ambiguous(text, status=answer.status)
    code = error_body.code if error_body else ""
    kind = classify(code, error_body.message if error_body else "").kind
    if answer.status in _ACCOUNT and kind not in _ADVICE:
        code, kind = code or _ACCOUNT[answer.status], "billing" if answer.status == 402 else "auth"
    details: dict[str, Any] = {"status": answer.status, "code": redact(code, secrets) or None}
    if kind in _ADVICE and 400 <= answer.status < 500:
        return AccountRefusal(f"{words.rstrip('.')}; {_ADVICE[kind]}", **details)
    details["retry_after"] = retry_after(answer.headers)
    if answer.status == 404 and thing:
        return NotFound(f"the service does not know {thing}{shown}", **details)
    return DefiniteRefusal(words, **details) if effect else ServiceError(words, **details)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a service asks to wait (Retry-After-Ms, or Retry-After as seconds or date)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    plain = headers.get("retry-after")
    seconds = milliseconds / 1000 if milliseconds is not None else _number(plain)
    if seconds is None and plain:
        date = email.utils.parsedate_tz(plain)
        try:
            seconds = email.utils.mktime_tz(date) - time.time() if date else None
        except (ValueError, OverflowError):
            return None
    return min(seconds, _LONGEST_WAIT) if seconds is not None and seconds >= 0 else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _error_body(body: bytes) -> _ErrorBody | None:
    """The error in `body`, None when it is not the JSON of an error.

    Shapes: {"error": {"message", "type", "code"}} (OpenAI), {"error": "..."} , {"detail": ...}
    (FastAPI), {"object": "error", "message", "code"} (vLLM), {"code", "message"} (SiliconFlow).
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    inner = data.get("error") or data.get("detail") or data
    if not isinstance(inner, dict):
        return _ErrorBody("", inner if isinstance(inner, str) else json.dumps(inner))
    message, code = inner.get("message"), inner.get("code") or inner.get("type")
    if not isinstance(message, str) and not isinstance(code, str):
        return None
    return _ErrorBody(str(code or ""), message if isinstance(message, str) else "")


def _shown(answer: HttpAnswer, error_body: _ErrorBody | None) -> str:
    """The service's words for a message: one line, not too long, printable."""
    if 300 <= answer.status < 400:
        target = urlsplit(answer.headers.get("location", ""))
        return (
            f" (a redirect to {target.hostname or 'another path'}, which is not followed: "
            "set base_url to the final address)"
        )
    text = error_body.message or error_body.code if error_body else ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {text[:_LONGEST]}" if text else ""
