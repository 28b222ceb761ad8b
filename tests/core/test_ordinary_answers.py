from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.answer import fingerprint_of, judge_line
from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.ordinary_answers import OrdinaryAnswers, ordinary_answers
from pipeline.core.printable import word_of
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.records import Answer, Usage

LINE: Mapping[str, Any] = {
    "id": "batch_req_1",
    "custom_id": "cm-1",
    "response": {
        "status_code": 200,
        "request_id": "req_1",
        "body": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "m-2026",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "A cat.", "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 900,
                "completion_tokens": 40,
                "total_tokens": 940,
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
        },
    },
    "error": None,
}
SCHEMA = AnswerSchema.of({"properties": {"caption": {"type": "string"}, "n": {"type": "integer"}}})
_BODY = ("response", "body")
_CHOICE = (*_BODY, "choices", 0)
_USAGE = (*_BODY, "usage")
PLACES: tuple[tuple[str | int, ...], ...] = (
    ("custom_id",), ("error",), ("body",), ("response",), ("response", "status_code"),
    ("response", "request_id"), ("response", "error"), _BODY,
    *((*_BODY, name) for name in ("choices", "object", "type", "model", "error", "errors",
                                  "output", "detail", "message", "status", "usage")),
    _CHOICE, (*_CHOICE, "error"), (*_CHOICE, "finish_reason"), (*_CHOICE, "text"),
    (*_CHOICE, "message"), (*_CHOICE, "message", "content"), (*_CHOICE, "message", "refusal"),
    *((*_USAGE, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cost",
                                   "input_tokens", "cached_tokens", "prompt_cache_hit_tokens",
                                   "prompt_tokens_details", "completion_tokens_details")),
    (*_USAGE, "prompt_tokens_details", "cached_tokens"),
    (*_USAGE, "prompt_tokens_details", "cache_write_tokens"),
    (*_USAGE, "completion_tokens_details", "reasoning_tokens"),
)  # fmt: skip
values: st.SearchStrategy[object] = st.sampled_from(
    [
        *(None, "", " ", "x", "stop", "length", "error", "200", "a\nb", "é ü", " m ", "m" * 300),
        *("<think>a</think> b", "a < b", "a\u2028b", "\ud800", "\0", '{"caption":"c","n":1}'),
        *('{"caption":"c","n":"x"}', '```json\n{"caption":"c","n":2}\n```', '{"caption":""}'),
        *(0, 1, -1, 200, 201, 900, 940, 941, 20_000_001, 10**30, 1.0, 1.5, 1e300, True, False),
        *([], {}, [1], ["x"], {"code": "c", "message": "m"}, {"content": "c"}, [{"text": "t"}]),
    ]
)
damages: st.SearchStrategy[tuple[bytes, bytes]] = st.sampled_from(
    [
        *((b"", b""), (b"cat", b"c\xff"), (b"cat", b"\\ud83d"), (b"cat", b"c\x01t"), (b"{", b"")),
        *((b'"A', b'\xef\xbb\xbf"A'), (b"batch_req", b"\xff"), (b"}", b"}}"), (b"940", b"9_40")),
        *((b"chatcmpl", b"c\\q"), (b'"id"', b'"custom_id": "cm-2", "id"'), (b"940", b"94e1")),
    ]
)


def ordinary_answer(
    raw: bytes, schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY
) -> OrdinaryAnswers | None:
    answers = ordinary_answers([raw], schema, rules)
    return answers if answers.numbers else None


def changed(changes: list[tuple[tuple[str | int, ...], object]]) -> dict[str, Any]:
    line: Any = copy.deepcopy(dict(LINE))
    for (*path, last), value in changes:
        place = line
        try:
            for step in path:
                place = place[step]
            place[last] = value
        except (LookupError, TypeError):
            pass  # an earlier change took the place away
    return dict(line)


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), values), max_size=3),
    damages,
    st.booleans(),
    st.booleans(),
)
@example([], (b"", b""), False, False)
@example([], (b'"id"', b'"x": 1e999, "y": "\\u00e9", "id"'), False, True)
def test_what_is_read_quickly_is_read_alike(
    changes: list[tuple[tuple[str | int, ...], object]],
    damage: tuple[bytes, bytes],
    ascii_only: bool,
    structured: bool,
) -> None:
    text = json.dumps(changed(changes), ensure_ascii=ascii_only)
    raw = text.encode("utf-8", "surrogatepass").replace(*damage, 1)
    schema = SCHEMA if structured else PLAIN_TEXT
    quick = ordinary_answer(raw, schema)
    if quick is not None:
        answer = judge_line(raw, schema)
        assert [*quick.full()] == [answer]
        assert isinstance(answer, Answer)
        assert quick.fingerprints() == [fingerprint_of(answer)]


def test_an_ordinary_line_is_read() -> None:
    quick = ordinary_answer(json.dumps(LINE).encode())
    assert quick is not None
    usage = Usage(900, 3, 2, 40, 7)
    assert [*quick.full()] == [Answer(
        "cm-1", "captioned", "A cat.", code="stop", usage=usage, model="m-2026",
        request_id="req_1", ending="stop",
    )]  # fmt: skip


def test_a_structured_answer_is_ordinary() -> None:
    line = changed([((*_CHOICE, "message", "content"), '{"caption": "c", "n": 3}')])
    quick = ordinary_answer(json.dumps(line).encode(), SCHEMA)
    assert quick is not None
    assert (quick.captions, quick.fields) == (["c"], [{"n": 3}])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*_CHOICE, "finish_reason"), "length"),
        ((*_CHOICE, "message", "refusal"), "no"),
        ((*_CHOICE, "message", "content"), "<think>a</think> b"),
        ((*_CHOICE, "message", "content"), " \n"),
        ((*_USAGE, "total_tokens"), 1000),
        ((*_USAGE, "cost"), 0.1),
        ((*_USAGE, "prompt_tokens"), 0),
        (("response", "status_code"), 500),
    ],
)
def test_what_must_be_weighed_is_not_ordinary(place: tuple[str | int, ...], value: object) -> None:
    assert ordinary_answer(json.dumps(changed([(place, value)])).encode()) is None


def test_older_rules_read_everything_the_long_way() -> None:
    assert ordinary_answer(json.dumps(LINE).encode(), PLAIN_TEXT, ReadingRules(1)) is None


@given(st.lists(st.sampled_from(["good", "odd", "broken", "blank"]), max_size=9))
def test_ordinary_lines_among_others_keep_their_numbers(kinds: list[str]) -> None:
    names = [f"cm-{number}" for number in range(len(kinds))]
    odd = changed([((*_CHOICE, "finish_reason"), "length")])
    texts = {"good": json.dumps(LINE), "odd": json.dumps(odd), "broken": "{", "blank": ""}
    lines = [
        texts[kind].replace("cm-1", name).encode() for kind, name in zip(kinds, names, strict=True)
    ]
    answers = ordinary_answers(lines)
    assert answers.numbers == [at for at, kind in enumerate(kinds) if kind == "good"]
    assert answers.custom_ids == [names[at] for at in answers.numbers]
    runs = [run.numbers for run in answers.runs()]
    assert [*chain(*runs)] == answers.numbers
    assert all(run == [*range(run[0], run[-1] + 1)] for run in runs)
    assert all(one[-1] + 1 < after[0] for one, after in pairwise(runs))


@given(
    st.lists(st.sampled_from([None, "", "req_1", "\u00e9", " a\n", "a b", "x" * 101, "y" * 300]))
)
def test_request_ids_of_a_page_are_printable_words(ids: list[str | None]) -> None:
    lines = [json.dumps(changed([(("response", "request_id"), one)])).encode() for one in ids]
    assert ordinary_answers(lines).request_ids == [word_of(one) or None for one in ids]
