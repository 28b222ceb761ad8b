"""Ordinary lines of an output file, read by their types: whole chat completions with text and
usage, without anything that would have to be weighed.

`core.answer` says what any line means and takes ten times as long. What is read here it reads
alike, to the last field; whatever is odd is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import compress, pairwise, repeat
from typing import Annotated, Literal, NamedTuple

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


class OrdinaryAnswers(NamedTuple):
    """Captioned lines of a page by columns; what they do not name is as in every ordinary answer.

    Attributes:
        numbers: of the lines in their page, ascending.
    """

    numbers: list[int]
    custom_ids: list[str]
    captions: list[str]
    fields: list[Mapping[str, object]]
    tokens: list[Tokens]
    models: list[str | None]
    request_ids: list[str | None]

    def where(self, chosen: Sequence[bool]) -> OrdinaryAnswers:
        """Those of the lines that are chosen."""
        return OrdinaryAnswers._make([*compress(column, chosen)] for column in self)

    def part(self, start: int, stop: int) -> OrdinaryAnswers:
        """Those from one place among them to another."""
        return OrdinaryAnswers._make(column[start:stop] for column in self)

    def runs(self) -> Iterator[OrdinaryAnswers]:
        """Parts whose lines follow each other without another line between."""
        ends = [at for at, (one, after) in enumerate(pairwise(self.numbers), 1) if after > one + 1]
        for start, stop in pairwise((0, *ends, len(self.numbers))):
            if start < stop:
                yield self.part(start, stop) if ends else self

    def full(self) -> Iterator[Answer]:
        """Each answer as `core.answer` reads its line."""
        for name, caption, fields, tokens, model, request_id in zip(*self[1:], strict=True):
            yield Answer(
                name, "captioned", caption, fields, code=_ENDING, usage=Usage(*tokens),
                model=model, request_id=request_id, ending=_ENDING,
            )  # fmt: skip

    def fingerprints(self) -> list[int]:
        """Numbers that `core.answer.fingerprint_of` gives for `full()`."""
        fields = [repr(dict(one)) if one else None for one in self.fields]
        return [*map(hash, zip(self.captions, fields, *self[4:], repeat(_REST), strict=False))]


def ordinary_answers(
    lines: Sequence[bytes], schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY
) -> OrdinaryAnswers:
    """Answers in those of the lines that are ordinary; `core.answer` must say what others are."""
    numbers, decoded = _decoded(lines if rules.version == CURRENT else [])
    responses = [line.response for line in decoded]
    bodies = [response.body for response in responses]
    captions = [body.choices[0].message.content for body in bodies]
    tokens = [_tokens(body.usage) for body in bodies]
    answers = OrdinaryAnswers(
        numbers, [line.custom_id for line in decoded], captions, [_NO_FIELDS] * len(decoded),
        tokens,  # type: ignore[arg-type]  # those that do not add up are taken out here
        [_word(body.model) for body in bodies],
        _words([response.request_id for response in responses]),
    )  # fmt: skip
    ordinary = [
        of is not None and not (not text.strip() or ("<" in text and without_thoughts(text)[1]))
        for of, text in zip(tokens, captions, strict=True)
    ]
    if False in ordinary:
        answers = answers.where(ordinary)
    return _structured(answers, schema) if schema.fields else answers


def _decoded(lines: Sequence[bytes]) -> tuple[list[int], list[_Line]]:
    """Lines of the types below, and their numbers."""
    decoded: list[_Line | None] = []
    decoding = map(_decode, lines)  # goes on behind a line that it could not decode
    while len(decoded) < len(lines):
        try:
            decoded.extend(decoding)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            decoded.append(None)
    numbers = [number for number, line in enumerate(decoded) if line is not None]
    return numbers, [line for line in decoded if line is not None]


def _structured(answers: OrdinaryAnswers, schema: AnswerSchema) -> OrdinaryAnswers:
    """Answers of which each holds what a schema asks for."""
    read = [read_structured(text, schema, CURRENT) for text in answers.captions]
    answers = answers._replace(
        captions=[one.caption for one in read], fields=[one.fields for one in read]
    )
    return answers.where([not (one.fault or one.note or one.unwrapped) for one in read])


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


def _words(texts: list[str | None]) -> list[str | None]:
    """`word_of` each; None for none."""
    some = [one for one in texts if one]
    together = "".join(some)
    longest = max(map(len, some), default=0)
    plain = together.isprintable() and " " not in together and longest <= 100
    return texts if plain and len(some) == len(texts) else [*map(_word, texts)]


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
