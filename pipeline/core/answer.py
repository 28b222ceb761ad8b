"""Reading of one line of an output or error file: the outcome of its request.

Both files have one shape: {"id", "custom_id", "response": {"status_code", "request_id", "body"} |
null, "error": {"code", "message"} | null}; `body` is what /v1/chat/completions or /v1/responses
answers (OpenAI's batch guide). A request refused over HTTP has `error: null` and its status in
`response.status_code`, so the status decides. Tools that ask by themselves leave the wrapping out:
`response` is the body, or `choices` stands beside `custom_id`. Nothing here raises, whatever the
bytes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.endings import UNKNOWN_ENDING, ending_of
from pipeline.core.lenient_json import Unreadable, parse_json, storable_text
from pipeline.core.line_failure import NO_WORDS, line_failure, text_words
from pipeline.core.printable import word_of, words_of
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.reply import Reply, has_reply, reply_in
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.core.structured import read_structured
from pipeline.core.usage import NO_TOKENS, read_usage, service_cost
from pipeline.records import Answer, Outcome

THOUGHTS_REMOVED = "thoughts_removed"
JSON_UNWRAPPED = "json_unwrapped"
"""Flags of an answer: what was taken off its text."""


class BadLine(Struct, frozen=True):
    """Line that belongs to no request; whoever read it keeps it raw."""

    reason: str


class _Line(Struct, frozen=True):
    """Parts of a line, without its wrapping.

    Attributes:
        status: of HTTP; 200 for an answer without one, None for neither.
        body: the answer, a JSON object.
        other: what stands in its place and is none.
        error: of the line itself.
    """

    custom_id: str
    status: int | None
    body: Mapping[str, Any]
    other: object
    error: object
    request_id: str | None


def judge_line(
    raw: bytes, schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY
) -> Answer | BadLine:
    """Reads a line.

    Args:
        raw: one line.
        schema: what a structured answer must have.
        rules: by which it is read.
    """
    try:
        value = parse_json(raw)
    except Unreadable as error:
        return BadLine(words_of(str(error)))
    if not isinstance(value, dict):
        return BadLine("it is not an object")
    custom_id = value.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return BadLine("it has no custom_id")
    line = _unwrapped(storable_text(custom_id), value, rules.version)
    answer = _judged(line, schema, rules)
    usage, oddity = read_usage(line.body.get("usage"), rules.version)
    if usage is not None and not (usage.prompt and usage.completion) and _says_something(answer):
        usage, oddity = None, NO_TOKENS
    reason = f"{answer.reason}; {oddity}" if answer.reason and oddity else answer.reason or oddity
    cost = service_cost(line.body.get("usage"))
    window = word_of(_table(line.body.get("background_options")).get("completion_window"))
    return replace(answer, usage=usage, reason=reason, service_cost=cost, window=window)


def fingerprint_of(answer: Answer) -> int:
    """Number that tells two answers to one request apart, within one process."""
    usage = answer.usage
    tokens = usage and (
        usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning
    )  # fmt: skip
    rest = (
        answer.outcome, answer.reason, answer.code, answer.ending, answer.flags,
        answer.service_cost, answer.ran,
    )  # fmt: skip
    fields = repr(dict(answer.fields)) if answer.fields else None
    # by itself, as it is the same of most answers
    return hash((answer.caption, fields, tokens, answer.model, answer.request_id, hash(rest)))


def _says_something(answer: Answer) -> bool:
    """Recognise an answer with text, which takes tokens."""
    return bool(answer.caption and answer.caption.strip()) or answer.outcome == "refused"


def _judged(line: _Line, schema: AnswerSchema, rules: ReadingRules) -> Answer:
    if line.status == 200 and (has_reply(line.body, rules.version) or not line.error):
        reply = reply_in(line.body, rules.version)
        error = _inner_error(line.body, reply, rules.version)
        if reply is not None and (error is None or reply.text.strip() or reply.refusal):
            return _replied(line, reply, error, schema, rules)
        if error is None:
            return Answer(line.custom_id, "invalid", reason=_unknown_form(line.other), code="200",
                          model=_model(line), request_id=line.request_id)  # fmt: skip
    body = line.body or line.other
    failure = line_failure(line.status, line.error, body, rules.version)
    return Answer(
        line.custom_id, failure.outcome, reason=failure.reason, code=failure.code,
        model=_model(line), request_id=line.request_id, ran=failure.ran,
    )  # fmt: skip


def _model(line: _Line) -> str | None:
    return word_of(line.body.get("model")) or None


def _inner_error(body: Mapping[str, Any], reply: Reply | None, version: int) -> ErrorWords | None:
    """Error inside an answer with status 200."""
    if version == 1 and (reply is not None or not _table(body.get("error"))):
        return None
    return error_in(body)


def _unknown_form(body: object) -> str:
    words = text_words(body)
    return f"the answer is not one of a known form{f': {words}' if words else ''}"


def _replied(
    line: _Line,
    reply: Reply,
    error: ErrorWords | None,
    schema: AnswerSchema,
    rules: ReadingRules,
) -> Answer:
    outcome, reason, code = _outcome(reply, error, rules)
    caption, fields = reply.text or None, {}
    flags = [THOUGHTS_REMOVED] if reply.thoughts else []
    if schema.fields and reply.text:
        answer = read_structured(reply.text, schema, rules.version)
        caption, fields = answer.caption, dict(answer.fields)
        flags += [JSON_UNWRAPPED] if answer.unwrapped else []
        if outcome == "captioned" or code == UNKNOWN_ENDING:
            reason = reason or answer.note
            if answer.fault:
                outcome, reason, code = "invalid", answer.fault, answer.code or reply.ending
    return Answer(
        line.custom_id, outcome, caption, fields, reason, code, model=_model(line),
        request_id=line.request_id, ending=reply.ending, flags=tuple(flags),
    )  # fmt: skip


def _outcome(
    reply: Reply, error: ErrorWords | None, rules: ReadingRules
) -> tuple[Outcome, str, str]:
    """(outcome, reason, code) of an answer."""
    ending, word = _ending(reply.ending, rules), reply.ending
    if reply.refusal:
        return "refused", reply.refusal, word
    error = reply.error or (None if ending == "whole" else error)
    if error is not None and ending != "filtered":
        return "failed", words_of(error.message or error.code) or NO_WORDS, word or "error"
    if ending == "failed":
        return "failed", f"the service ended the answer with {word!r}", word
    if ending == "filtered":
        return "filtered", "the service's content filter stopped the answer", word
    if not reply.text.strip():
        return "empty", _why_empty(reply, ending), word
    if ending == "length":
        return "length", "the answer was cut off at max_completion_tokens", word
    if ending == "unknown":
        return "invalid", _unknown_ending(word), UNKNOWN_ENDING
    return "captioned", "", word


def _ending(word: str, rules: ReadingRules) -> str:
    if rules.version == 1:
        return {"length": "length", "content_filter": "filtered"}.get(word, "whole")
    return "whole" if word.strip().lower() in rules.whole_endings else ending_of(word)


def _why_empty(reply: Reply, ending: str) -> str:
    if ending == "length":
        return "all completion tokens were used before any text came"
    return "the answer has thoughts and no text" if reply.thoughts else "the answer has no text"


def _unknown_ending(word: str) -> str:
    if not word:
        return "the answer came without an ending, so the text may be cut off"
    return f"the answer ended with {word!r}, which is no known ending"


def _unwrapped(custom_id: str, value: Mapping[str, Any], version: int) -> _Line:
    response = value.get("response")
    table = _table(response)
    body: object = table.get("body")
    if version > 1:
        if isinstance(response, str):
            table = _table(_json(response))
        if "body" not in table:
            body = _bare_body(value, table, version) or (table or response)
    if isinstance(body, str):  # some services give the body as a string of JSON
        body = _json(body)
    status = _status(table.get("status_code"))
    if status is None and has_reply(_table(body), version):
        status = 200
    request_id = word_of(table.get("request_id")) or None
    error = value.get("error")
    if version > 1 and error_in({"error": error}) is None:
        error = None  # it says nothing, so the request may have run
    return _Line(custom_id, status, _table(body), body, error, request_id)


def _bare_body(
    value: Mapping[str, Any], response: Mapping[str, Any], version: int
) -> Mapping[str, Any] | None:
    """Answer without the wrapping of batch files; None when there is none."""
    for body in (response, _table(value.get("body")), _table(value.get("result")), value):
        if has_reply(body, version):
            return body
    return None


def _status(status: object) -> int | None:
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    return status if isinstance(status, int) and not isinstance(status, bool) else None


def _json(text: str) -> object:
    """JSON value of a text, the text itself where it is none."""
    try:
        return parse_json(text)
    except Unreadable:
        return text


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
