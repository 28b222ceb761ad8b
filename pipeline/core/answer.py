"""Reading of one line of an output or error file: the outcome of its request.

Both files have one shape: {"id", "custom_id", "response": {"status_code", "request_id", "body"} |
null, "error": {"code", "message"} | null}; `body` is what /v1/chat/completions or /v1/responses
answers (OpenAI's batch guide). A request refused over HTTP has `error: null` and its status in
`response.status_code`, so the status decides. Nothing here raises, whatever the bytes are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from pipeline.core.answer_schema import PLAIN_TEXT, SCHEMA_MISMATCH, AnswerSchema, FittedFields
from pipeline.core.lenient_json import Unreadable, parse_json, storable_text, storable_value
from pipeline.core.reasons import LINE_ERRORS
from pipeline.core.usage import NO_TOKENS, read_usage
from pipeline.records import Answer, Outcome, Usage

MOST_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is cut, and then is no JSON: an answer to one image has kilobytes."""

_LONGEST_REASON = 500
_LONGEST_WORD = 200
_STATUS_WORDS: Mapping[int, str] = {
    413: "the request is larger than the service takes (HTTP 413): use a smaller --long-side",
}
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


@dataclass(frozen=True, slots=True)
class BadLine:
    """Line that belongs to no request; whoever read it keeps it raw."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Reply:
    """Body of either endpoint, brought to one form."""

    text: str
    refusal: str
    finish: str


def split_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of each line that is not blank, without its newline; constant memory.

    Only b"\\n" ends a line: captions hold U+2028, U+0085 and \\x1c, at which str.splitlines tears.
    """
    offset = 0
    while line := stream.readline(MOST_LINE_BYTES):
        start = offset
        offset += len(line)
        rest = line
        while len(rest) == MOST_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MOST_LINE_BYTES)
            offset += len(rest)
        if not line.isspace():
            yield start, line.rstrip(b"\r\n")


def judge_line(raw: bytes, schema: AnswerSchema = PLAIN_TEXT) -> Answer | BadLine:
    """Reads a line.

    Args:
        raw: one line.
        schema: what a structured answer must have.
    """
    try:
        value = parse_json(raw)
    except Unreadable as error:
        return BadLine(_words(str(error)))
    if not isinstance(value, dict):
        return BadLine("it is not an object")
    custom_id = value.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return BadLine("it has no custom_id")
    response = _table(value.get("response"))
    body = _body(response.get("body"))
    usage, oddity = read_usage(body.get("usage"))
    answer = _judged(storable_text(custom_id), value.get("error"), response, body, schema, usage)
    if usage is not None and not (usage.prompt and usage.completion) and _says_something(answer):
        answer, oddity = replace(answer, usage=None), NO_TOKENS
    if not oddity:
        return answer
    return replace(answer, reason=f"{answer.reason}; {oddity}" if answer.reason else oddity)


def _says_something(answer: Answer) -> bool:
    """Tell whether an answer has text, which takes tokens."""
    return bool(answer.caption and answer.caption.strip()) or answer.outcome == "refused"


def _judged(
    custom_id: str,
    error: object,
    response: Mapping[str, Any],
    body: Mapping[str, Any],
    schema: AnswerSchema,
    usage: Usage | None,
) -> Answer:
    outcome: Outcome
    request_id = _word(response.get("request_id")) or None
    status = _status(response, body)
    if status == 200 and (_has_reply(body) or not error):
        return _replied(custom_id, body, schema, usage, request_id)
    if error:
        code = _word(_table(error).get("code"))
        message = _words(_table(error).get("message") or (error if isinstance(error, str) else ""))
        known = LINE_ERRORS.get(code)
        outcome = known.outcome if known else "failed"
        reason = message or code or "the service reports an error without words"
        code = code or (str(status) if status is not None else "0")
    else:
        outcome = "failed"
        code, reason = _http_failure(status, _table(body.get("error")))
    return Answer(custom_id, outcome, reason=reason, code=code, usage=usage, request_id=request_id)


def _http_failure(status: int | None, error: Mapping[str, Any]) -> tuple[str, str]:
    """(code, reason) of a failure.

    Failures of the service are named by their status, which says that another try may help;
    failures of the request by the service's own code.
    """
    service_code = _word(error.get("code")) or _word(error.get("type"))
    message = _words(error.get("message"))
    if status is None or status == 0:
        return "0", message or "the line has neither an answer nor an error"
    its_own_fault = (status >= 500 or status == 429) and service_code not in _QUOTA
    # a bare number would be read as a status, and as a reason to try again
    code = (
        str(status) if its_own_fault or not service_code or service_code.isdigit() else service_code
    )
    return code, message or _STATUS_WORDS.get(status, f"the service answered with HTTP {status}")


def _replied(
    custom_id: str,
    body: Mapping[str, Any],
    schema: AnswerSchema,
    usage: Usage | None,
    request_id: str | None,
) -> Answer:
    outcome: Outcome
    error = _table(body.get("error"))
    reply = _chat(body) if isinstance(body.get("choices"), list) else _response(body)
    caption, reason = None, ""
    fields: Mapping[str, object] = {}
    if reply is None:
        code, reason = _http_failure(200, error)
        outcome = "failed" if error else "invalid"
        if not error:
            reason = "the answer is not one of a known form"
    else:
        outcome, reason = _outcome(reply)
        code = reply.finish
        caption = reply.text or None
        if schema.fields and reply.text:
            caption, fields, broken = _structured(reply.text, schema.fields)
            fitted = schema.fitted(fields)
            fields = fitted.values
            if outcome == "captioned":
                outcome, code, reason = _fit_outcome(broken, fitted, code)
    model = _word(body.get("model")) or None
    return Answer(custom_id, outcome, caption, fields, reason, code, usage, model, request_id)


def _outcome(reply: _Reply) -> tuple[Outcome, str]:
    if reply.refusal:
        return "refused", reply.refusal
    if reply.finish == "content_filter":
        return "filtered", "the service's content filter stopped the answer"
    if not reply.text.strip():
        if reply.finish == "length":
            return "empty", "all completion tokens were used before any text came"
        return "empty", "the answer has no text"
    if reply.finish == "length":
        return "length", "the answer was cut off at max_completion_tokens"
    return "captioned", ""


def _fit_outcome(broken: str, fitted: FittedFields, ending: str) -> tuple[Outcome, str, str]:
    """(outcome, code, reason) of a structured answer that ended well."""
    extra = fitted.extra and f"the answer also holds {fitted.extra}"
    reason = _words("; ".join(filter(None, (broken, fitted.mismatch, extra))))
    if broken:
        return "invalid", ending, reason
    if fitted.mismatch:
        return "invalid", SCHEMA_MISMATCH, reason
    return "captioned", ending, reason


def _chat(body: Mapping[str, Any]) -> _Reply | None:
    """First choice of a chat completion."""
    choice = next((c for c in body["choices"] if isinstance(c, dict)), None)
    if choice is None:
        return None
    message = _table(choice.get("message"))
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_text(_table(part).get("text")) for part in content)
    return _Reply(
        _text(content), _words(message.get("refusal")), _word(choice.get("finish_reason"))
    )


def _response(body: Mapping[str, Any]) -> _Reply | None:
    """Text of a response, or its refusal."""
    if not isinstance(body.get("output"), list) or body.get("status") == "failed":
        return None
    texts, refusals = [], []
    for item in body["output"]:
        content = _table(item).get("content")
        for part in content if isinstance(content, list) else ():
            texts.append(_text(_table(part).get("text")))
            refusals.append(_words(_table(part).get("refusal")))
    finish = _word(_table(body.get("incomplete_details")).get("reason"))
    finish = "length" if finish == "max_output_tokens" else finish or _word(body.get("status"))
    return _Reply("".join(texts), " ".join(filter(None, refusals)), finish)


def _structured(text: str, schema_fields: Sequence[str]) -> tuple[str, dict[str, object], str]:
    """(caption, other fields, fault or ""), also of a broken answer as far as it can be read."""
    try:
        value = storable_value(parse_json(text))
    except Unreadable as error:
        return _caption_of(text) or text, {}, f"the answer is broken: {_words(str(error))}"
    if not isinstance(value, dict):
        return text, {}, "the answer is no object"
    caption = value.get("caption")
    fields = {name: field for name, field in value.items() if name != "caption"}
    if not isinstance(caption, str) or not caption.strip():
        return text, fields, "the answer's caption is missing or empty"
    missing = [name for name in schema_fields if name not in value]
    return caption, fields, f"the answer lacks {', '.join(missing)}" if missing else ""


def _caption_of(text: str) -> str:
    """Caption of an answer that was cut off later: it comes first, so it may be whole."""
    head, key, rest = text.partition('"caption"')
    value = rest.lstrip().removeprefix(":").lstrip()
    if not key or head.strip() != "{" or not value.startswith('"'):
        return ""
    try:
        caption, _ = json.JSONDecoder(strict=False).raw_decode(value)
    except ValueError:
        return ""
    return storable_text(caption).strip()


def _status(response: Mapping[str, Any], body: Mapping[str, Any]) -> int | None:
    status = response.get("status_code")
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    if isinstance(status, int) and not isinstance(status, bool):
        return status
    return 200 if _has_reply(body) else None


def _has_reply(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("choices"), list) or isinstance(body.get("output"), list)


def _body(body: object) -> Mapping[str, Any]:
    """Some services give the body as a string of JSON."""
    if isinstance(body, str):
        try:
            body = parse_json(body)
        except Unreadable:
            return {}
    return _table(body)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return storable_text(value) if isinstance(value, str) else ""


def _words(value: object) -> str:
    """Printable words for a person, bounded."""
    if not isinstance(value, str):
        return ""
    text = value[:_LONGEST_REASON]
    if text.isprintable():
        return text.strip()
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _word(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_LONGEST_WORD else ""
    return _words(value)[:_LONGEST_WORD]
