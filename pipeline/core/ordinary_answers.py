"""Ordinary lines of an output file, read by their types: whole chat completions with text and
usage, without anything that would have to be weighed.

`core.answer` says what any line means and takes ten times as long. What is read here it reads
alike, to the last field; whatever is odd is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.printable import word_of
from pipeline.core.reading_rules import CURRENT, TODAY, ReadingRules
from pipeline.core.structured import read_structured
from pipeline.core.thoughts import without_thoughts
from pipeline.core.usage import MOST_TOKENS
from pipeline.records import Answer, Usage

_ENDING = "stop"
_REST = hash(("captioned", "", _ENDING, _ENDING, (), None, True))  # as `fingerprint_of` puts it
_NO_FIELDS: Mapping[str, object] = {}

Tokens = tuple[int, int, int, int, int]
"""Numbers of a `Usage`, in its order."""


class OrdinaryAnswer(msgspec.Struct, frozen=True, gc=False):
    """Captioned line; what it does not name is as in every ordinary answer."""

    custom_id: str
    caption: str
    fields: Mapping[str, object]
    tokens: Tokens
    model: str | None
    request_id: str | None

    def full(self) -> Answer:
        """Answer as `core.answer` reads the line."""
        return Answer(
            self.custom_id, "captioned", self.caption, self.fields, code=_ENDING,
            usage=Usage(*self.tokens), model=self.model, request_id=self.request_id,
            ending=_ENDING,
        )  # fmt: skip

    def fingerprint(self) -> int:
        """Number that `core.answer.fingerprint_of` gives for `full()`."""
        fields = repr(dict(self.fields)) if self.fields else None
        return hash((self.caption, fields, self.tokens, self.model, self.request_id, _REST))


def ordinary_answers(
    lines: Sequence[bytes], schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY
) -> list[OrdinaryAnswer | None]:
    """Answer in each line, None where `core.answer` must say what it is."""
    if rules.version != CURRENT:
        return [None] * len(lines)
    return [_ordinary(raw, schema) for raw in lines]


def _ordinary(raw: bytes, schema: AnswerSchema) -> OrdinaryAnswer | None:
    try:
        line = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    response = line.response
    body = response.body
    text, tokens = body.choices[0].message.content, _tokens(body.usage)
    if tokens is None or not text.strip() or ("<" in text and without_thoughts(text)[1]):
        return None
    caption, fields = text, _NO_FIELDS
    if schema.fields:
        answer = read_structured(text, schema, CURRENT)
        if answer.fault or answer.note or answer.unwrapped:
            return None
        caption, fields = answer.caption, answer.fields
    request_id = response.request_id
    if not request_id or len(request_id) > 100 or " " in request_id or not request_id.isprintable():
        request_id = word_of(request_id) or None
    return OrdinaryAnswer(line.custom_id, caption, fields, tokens, _word(body.model), request_id)


# Types of what `core.answer` looks at: None where anything else would have to be weighed. Members
# that it does not look at are not named, and skipped.

_Some = Annotated[int, msgspec.Meta(gt=0, le=MOST_TOKENS)]
_Part = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)] | None


class _Details(msgspec.Struct, gc=False):
    cached_tokens: _Part = None
    cache_write_tokens: _Part = None
    reasoning_tokens: _Part = None


_NO_DETAILS = _Details()


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: _Some
    completion_tokens: _Some
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: _Part = None
    cached_tokens: _Part = None
    cost: None = None


class _Message(msgspec.Struct, gc=False):
    content: str
    refusal: None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: Literal["stop"]
    error: None = None


class _Body(msgspec.Struct, gc=False):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: _Usage
    model: str | None = None
    object: Literal["chat.completion"] | None = None
    type: None = None
    error: None = None
    errors: None = None


class _Response(msgspec.Struct, gc=False):
    status_code: Literal[200]
    body: _Body
    request_id: str | None = None


class _Line(msgspec.Struct, gc=False):
    custom_id: Annotated[str, msgspec.Meta(min_length=1)]
    response: _Response


_decode = msgspec.json.Decoder(_Line).decode


@lru_cache(1_024)
def _word(text: str | None) -> str | None:
    """`word_of`; None for none."""
    return word_of(text) or None


def _tokens(usage: _Usage) -> Tokens | None:
    """Numbers that add up, None for others."""
    of_prompt = usage.prompt_tokens_details or _NO_DETAILS
    of_answer = usage.completion_tokens_details or _NO_DETAILS
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    cached, written = of_prompt.cached_tokens, of_prompt.cache_write_tokens or 0
    reasoning = of_answer.reasoning_tokens or 0
    if cached is None:
        if usage.prompt_cache_hit_tokens is not None or usage.cached_tokens is not None:
            return None
        cached = 0
    if cached + written > prompt or reasoning > completion:
        return None
    if usage.total_tokens not in (prompt + completion, None):
        return None
    return prompt, cached, written, completion, reasoning
