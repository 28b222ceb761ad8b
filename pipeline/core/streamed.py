"""Streamed chat completions, put together again from whatever bytes a service sends.

Chunks are those of `POST /v1/chat/completions` with `stream` and `stream_options.include_usage`:
the usage comes in the last one, which has no choices. A stream is whole only when it ends with a
known ending; a JSON answer in place of a stream is the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.answer import judge_line
from pipeline.core.answer_body import decoded_body, needs_decoding
from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.endings import UNKNOWN_ENDING
from pipeline.core.event_stream import EventParser, StreamEvent
from pipeline.core.lenient_json import Unreadable, parse_json
from pipeline.core.online import answer_line, first_words
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.reasons import NO_ANSWER
from pipeline.core.reply import content_text
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.records import Answer

MOST_BYTES = 64 * 1024 * 1024
"""A longer stream is given up: an answer to one image has kilobytes."""

_BOM = b"\xef\xbb\xbf"
_TELLING = 4  # bytes that tell events from JSON, and what is packed or wide from both
_STREAM = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:(?:data|event|id|retry)?:[^\n\r]*[\r\n]\s*)*data:")
_HEAD = 200  # bytes that show what an answer is that is no stream
_CUT_OFF = "the stream ended without an ending, so the text may be cut off"


class StreamedAnswer(Struct):
    """Chunks that have come so far."""

    size: int = 0
    _parser: EventParser = field(default_factory=EventParser)
    _start: bytes | None = b""  # what came while nothing tells events from a JSON answer
    _head: bytes = b""
    _plain: list[bytes] | None = None  # the pieces of a JSON answer in place of a stream
    _text: list[str] = field(default_factory=list)
    _refusal: list[str] = field(default_factory=list)
    _finish: str = ""
    _choices: bool = False
    _torn: bool = False  # a piece before the ending could not be read
    _error: ErrorWords | None = None
    _broken: str = ""
    _model: object = None
    _usage: object = None

    def take(self, piece: bytes) -> Iterator[str]:
        """Take bytes as they come; gives the text in them."""
        self.size += len(piece)
        self._head += piece[: max(0, _HEAD - len(self._head))]
        if self._start is not None:
            self._start += piece
            first = self._start.removeprefix(_BOM).lstrip()
            if len(first) < _TELLING:
                return
            piece, self._start = self._start, None
            if first[:1] in (b"{", b"[") or needs_decoding(piece):
                self._plain = []
        if self._plain is not None:
            self._plain.append(piece)
            return
        for event in self._parser.feed(piece):
            yield from self._event(event)

    def end(self, broken: str = "") -> Iterator[str]:
        """End the stream; `broken` says why the connection ended it, "" when it did not."""
        self._broken = broken
        if self._plain is None:
            for event in self._parser.end():
                yield from self._event(event)
            return
        content = decoded_body(b"".join(self._plain))
        if content.removeprefix(_BOM).lstrip()[:1] in (b"{", b"["):
            for chunk in _json_objects(content):
                yield from self._chunk(chunk)
            return
        for event in (*self._parser.feed(content), *self._parser.end()):
            yield from self._event(event)

    def answer(
        self, custom_id: str, schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY
    ) -> Answer:
        """Answer to the request, judged by what came of it."""
        if not self._choices and self._error is None:
            return Answer(custom_id, "missing", reason=self._no_answer(), code=NO_ANSWER)
        line = answer_line(custom_id, 200, None, _dumps(self._unstreamed(self._finish)))
        answer = judge_line(line.rstrip(b"\n"), schema, rules)
        assert isinstance(answer, Answer)
        if self._error is not None:
            reason = self._error.message or "the service reported an error without words"
            code = self._error.code or "error"
            return replace(answer, outcome="failed", reason=reason, code=code)
        cut_off = not self._finish and answer.outcome in ("invalid", "empty")
        if self._torn or cut_off:
            return replace(answer, outcome="invalid", reason=self._cut_off(), code=UNKNOWN_ENDING)
        return answer

    def body(self) -> bytes:
        """Same answer as one JSON body, b"" when there is none. Without a known ending, with a gap
        or an error it does not count as whole."""
        if not self._choices and self._error is None:
            return b""
        value = self._unstreamed(ending="" if self._torn else self._finish)
        if self._error is not None:
            value["error"] = {"code": self._error.code or None, "message": self._error.message}
        return _dumps(value)

    # -- reading ---------------------------------------------------------------------------------

    def _event(self, event: StreamEvent) -> Iterator[str]:
        data = event.data.strip()
        failed = "error" in event.kind.lower()
        if not data or data == b"[DONE]":
            return
        chunks = _json_objects(data)
        for chunk in chunks:
            if failed and self._error is None and error_in(chunk) is None:
                self._error = ErrorWords("", data.decode("utf-8", "replace"))
            yield from self._chunk(chunk)
        if not chunks:
            if failed:
                self._error = self._error or ErrorWords("", data.decode("utf-8", "replace"))
            elif data[:1] in (b"{", b"[") and not self._finish:
                self._torn = True

    def _chunk(self, chunk: Mapping[str, Any]) -> Iterator[str]:
        self._error = self._error or error_in(chunk)
        self._model = chunk.get("model") or self._model
        extra = chunk.get("x_groq")  # where Groq puts the usage of a stream
        self._usage = chunk.get("usage") or _table(extra).get("usage") or self._usage
        choices = chunk.get("choices")
        for choice in [choices] if isinstance(choices, dict) else choices or ():
            if isinstance(choice, dict) and not choice.get("index"):
                yield from self._choice(choice)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[str]:
        self._choices = True
        self._error = self._error or error_in({"error": choice.get("error"), "choices": []})
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish not in ("", "null"):
            self._finish = finish
        delta = choice.get("delta") or choice.get("message")
        delta = delta if isinstance(delta, dict) else {"content": choice.get("text")}
        if isinstance(delta.get("refusal"), str):
            self._refusal.append(delta["refusal"])
        text = content_text(delta.get("content"))
        if text:
            self._text.append(text)
            yield text

    # -- judging ---------------------------------------------------------------------------------

    def _unstreamed(self, ending: str) -> dict[str, Any]:
        """Answer as it would be without streaming."""
        message = {"content": "".join(self._text), "refusal": "".join(self._refusal) or None}
        choices = [{"message": message, "finish_reason": ending}] if self._choices else []
        return {"model": self._model, "choices": choices, "usage": self._usage}

    def _cut_off(self) -> str:
        if self._torn and self._finish:
            return "a piece of the stream could not be read, so the text has a gap"
        return f"{_CUT_OFF} ({self._broken})" if self._broken else _CUT_OFF

    def _no_answer(self) -> str:
        if self._broken:
            return f"the connection ended before an answer came ({self._broken})"
        head = first_words(self._head)
        if head.startswith("<"):
            return "the service answered with a web page: check base_url, which may lack /v1"
        if self._head.strip() and "data:" not in head:
            return f"the answer is no stream: {head}"
        return "the stream ended before an answer came"


def plain_body(content: bytes) -> bytes:
    """JSON of an answer to a single request, also when it comes packed, in UTF-16, or as a stream
    that was not asked for."""
    content = decoded_body(content)
    if not _STREAM.match(content):
        return content
    streamed = StreamedAnswer()
    list(streamed.take(content))
    list(streamed.end())
    return streamed.body() or content


def _dumps(value: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate, or a huge integer
        return json.dumps(value).encode()


def _json_objects(data: bytes) -> list[Mapping[str, Any]]:
    """Read JSON objects in `data`: one, a list of them, or one a line; [] when there are none."""
    try:
        value = parse_json(data)
    except Unreadable:
        lines = data.splitlines()
        return [one for line in lines for one in _json_objects(line)] if len(lines) > 1 else []
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, dict)]


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
