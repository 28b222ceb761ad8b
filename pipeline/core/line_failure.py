"""Failure of a line without an answer: why, in the service's own words, and whether it ran."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from pipeline.core.batch_errors import is_about_money
from pipeline.core.endings import is_filter_word
from pipeline.core.printable import word_of, words_of
from pipeline.core.reasons import LINE_ERRORS
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.core.service_words import BILLED_FILTER
from pipeline.core.size_refusal import REQUEST_TOO_LARGE, is_too_large
from pipeline.records import Outcome

NO_WORDS = "the service reports an error without words"
_STATUS_WORDS: Mapping[int, str] = {
    413: "the request is larger than the service takes (HTTP 413): use a smaller --long-side",
}


class LineFailure(Struct, frozen=True):
    """Outcome of a request without an answer.

    Attributes:
        ran: false when the service certainly did not run it, or does not bill what failed.
    """

    outcome: Outcome
    code: str
    reason: str
    ran: bool = False


def line_failure(status: int | None, error: object, body: object, version: int) -> LineFailure:
    """Failure of a request.

    Failures of the service are named by their status, which says that another try may help;
    failures of the request by the service's own code.

    Args:
        status: of HTTP, None for none.
        error: of the line itself.
        body: of the answer: a JSON value, or text that is none.
        version: of the rules it is read by.
    """
    words = _words(error, body)
    if version == 1:
        return _by_version_1(status, error, words)
    if words is None and not status:
        nothing = "the line has neither an answer nor an error, so it may have been billed"
        return LineFailure("missing", "0", nothing, ran=True)
    words = words or ErrorWords("", "")
    code = _code(status, words, of_line=bool(error))
    reason = words_of(words.message) or _plain_reason(status, words.code, of_line=bool(error))
    if code in LINE_ERRORS:
        outcome = LINE_ERRORS[code].outcome
        return LineFailure(outcome, code, reason, ran=outcome == "missing")
    if not _passes(code) and is_filter_word(words.code, words.message):
        billed = words.code.lower() == BILLED_FILTER
        return LineFailure("filtered", code, reason, ran=billed)
    return LineFailure("failed", code, reason)


def _words(error: object, body: object) -> ErrorWords | None:
    """Line's own error, or that of the answer's body; None for neither."""
    of_line = error_in({"error": error}) if error else None
    text = text_words(body)
    of_body = ErrorWords("", text) if text else error_in(body)
    if of_line is None or of_body is None:
        return of_line or of_body
    return ErrorWords(of_line.code or of_body.code, of_line.message or of_body.message)


def text_words(body: object) -> str:
    """Words of a body that is text and no JSON, "" for any other."""
    text = words_of(" ".join(body.split())) if isinstance(body, str) else ""
    return "the service answered with a web page" if text.startswith("<") else text


def _code(status: int | None, words: ErrorWords, *, of_line: bool) -> str:
    code = word_of(words.code)
    inner = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None
    if (status in (None, 200) or of_line) and inner is not None:
        status = inner  # an error inside an answer with status 200 has the status for its code
    if not status and not of_line:  # it never reached the service's HTTP, so it may go again
        return "0"
    if status in (413, 429, None) and is_too_large(f"{code} {words.message}"):
        return REQUEST_TOO_LARGE
    if status is not None and (status >= 500 or status == 429) and not is_about_money(code):
        return str(status)
    if of_line and code:
        return code
    # a bare number would be read as a status, and as a reason to try again
    return code if code and not code.isdigit() else str(status or 0)


def _plain_reason(status: int | None, code: str, *, of_line: bool) -> str:
    if of_line or not status:
        return words_of(code) or NO_WORDS
    return _STATUS_WORDS.get(status, f"the service answered with HTTP {status}")


def _passes(code: str) -> bool:
    return code == "429" or (code.isdigit() and int(code) >= 500)


def _by_version_1(status: int | None, error: object, words: ErrorWords | None) -> LineFailure:
    """Outcome as captionmill 0.2 gave it; code and reason are today's."""
    known = LINE_ERRORS.get(word_of(error.get("code")) if isinstance(error, dict) else "")
    words = words or ErrorWords("", "")
    reason = words_of(words.message) or _plain_reason(status, words.code, of_line=bool(error))
    outcome: Outcome = known.outcome if known else "failed"
    return LineFailure(outcome, _code(status, words, of_line=bool(error)), reason)
