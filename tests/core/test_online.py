from __future__ import annotations

import io
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.answer import judge_line
from pipeline.core.identity import custom_id
from pipeline.core.online import (
    JournalState,
    answer_line,
    journal_answer,
    lost_line,
    sent_mark,
    void_mark,
)
from pipeline.records import Answer

BODY = {
    "model": "m",
    "choices": [{"message": {"content": "a cat"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2},
}


def judged(line: bytes) -> Answer:
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    found = judge_line(line.rstrip(b"\n"))
    assert isinstance(found, Answer)
    return found


def test_an_answer_is_read_as_the_line_of_a_batch() -> None:
    found = judged(answer_line("cm-x", 200, "req_1", json.dumps(BODY, indent=2).encode()))
    assert (found.custom_id, found.outcome, found.caption) == ("cm-x", "captioned", "a cat")
    assert (found.request_id, found.usage.prompt if found.usage else 0) == ("req_1", 5)


def test_a_refused_request_has_the_services_code() -> None:
    body = b'{"error": {"message": "bad image", "code": "image_parse_error"}}'
    found = judged(answer_line("cm-x", 400, None, body))
    assert (found.outcome, found.code, found.reason) == ("failed", "image_parse_error", "bad image")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"id": "chatc'])
def test_what_is_no_answer_is_a_lost_one(body: bytes) -> None:
    assert judged(answer_line("cm-x", 200, None, body)).outcome == "missing"


def test_a_lost_answer_is_missing_and_says_why() -> None:
    found = judged(lost_line("cm-x", "ReadTimeout"))
    assert (found.outcome, found.reason, found.usage) == ("missing", "ReadTimeout", None)


@given(st.text(max_size=60))
def test_captions_come_through_unchanged(text: str) -> None:
    message = {"message": {"content": text}, "finish_reason": "stop"}
    body = json.dumps({**BODY, "choices": [message]}).encode()
    found = judged(answer_line("cm-x", 200, None, body))
    assert (found.caption or "") == text


def test_a_lone_surrogate_does_not_lose_the_answer() -> None:
    body = orjson.dumps(BODY).replace(b"a cat", rb"a \ud800 cat")
    found = judged(answer_line("cm-x", 200, None, body))
    assert found.caption == "a \N{REPLACEMENT CHARACTER} cat"
    assert found.usage is not None


IDS = [custom_id(bytes([n]) * 32, 1) for n in range(5)]


def journal(*, checked: bool = True) -> list[bytes]:
    """A journal: the first request answered, the second lost, the third refused and sent again,
    the fourth refused for good, the fifth never sent."""
    first, _, third, fourth, _ = IDS
    lines = [
        *map(sent_mark, IDS[:4]), void_mark(third), sent_mark(third),
        journal_answer(answer_line(first, 200, None, b"{}")), void_mark(fourth),
    ]  # fmt: skip
    return lines if checked else [earlier(line) for line in lines]


def earlier(line: bytes) -> bytes:
    """A line as earlier versions wrote it, without a checksum."""
    return (b"" if line[:1] == b"=" else line[:1]) + line[18:]


@pytest.mark.parametrize("checked", [True, False])
def test_a_journal_tells_what_may_have_had_an_effect(checked: bool) -> None:
    state = JournalState.read(journal(checked=checked))
    assert state.lost(IDS) == IDS[1:3]
    assert list(state.answers) == IDS[:1]
    (line,) = state.answers[IDS[0]]
    assert line + b"\n" == answer_line(IDS[0], 200, None, b"{}")
    assert (state.void, state.count_damaged(IDS)) == ({IDS[3]}, 0)


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("end", [sent_mark(IDS[4]), journal_answer(lost_line(IDS[1], "gone"))])
def test_what_a_kill_cut_off_is_neither_damage_nor_a_request(checked: bool, end: bytes) -> None:
    end = end if checked else earlier(end)
    lines = journal(checked=checked)
    for size in range(len(end) - 1):
        state = JournalState.read([*lines, end[:size]])
        assert (state.lost(IDS), state.count_damaged(IDS)) == (IDS[1:3], 0), size
    whole = JournalState.read([*lines, end[:-1]])  # only its newline is missing
    assert whole.lost(IDS) == ([*IDS[1:3], IDS[4]] if end[:1] == b"+" else [IDS[2]])


@pytest.mark.parametrize("checked", [True, False])
def test_no_flipped_bit_makes_a_request_that_was_sent_one_that_was_not(checked: bool) -> None:
    lines = journal(checked=checked)
    sound = JournalState.read(lines).answers[IDS[0]]
    for number, line in enumerate(lines):
        marks = checked or line[:1] == b"+"
        for bit in range(8 * len(line)):
            flipped = bytearray(line)
            flipped[bit // 8] ^= 1 << bit % 8
            rest = b"".join([*lines[:number], flipped, *lines[number + 1 :]])
            state = JournalState.read(io.BytesIO(rest))
            assert {*state.lost(IDS), *state.answers} >= {*IDS[:3]}, (number, bit)
            if marks:  # refusals and answers of earlier versions may be another's, unnoticed
                assert state.count_damaged(IDS), (number, bit)
                assert state.answers.get(IDS[0]) in (sound, None), (number, bit)


def test_a_refusal_counts_only_where_nothing_after_it_is_damaged() -> None:
    odd = b"+0123456789abcdef " + IDS[3].encode() + b"\n"
    assert IDS[3] in JournalState.read([*journal(), odd]).lost(IDS)
    assert IDS[3] not in JournalState.read([odd, *journal()]).lost(IDS)


@pytest.mark.parametrize("odd", [b"", b"+", b"+cm-odd", b"*cm", b"{}", b"{", b"[]"])
def test_a_line_that_nobody_wrote_is_damage(odd: bytes) -> None:
    state = JournalState.read([*journal(checked=False), odd + b"\n"])
    assert state.count_damaged(IDS) == 1
    assert state.lost(IDS) == IDS[1:]


def test_a_line_without_its_checksum_is_none_of_a_journal_with_checksums() -> None:
    plain = b"-" + IDS[1].encode() + b"\n"
    assert JournalState.read([plain]).void == {IDS[1]}
    state = JournalState.read([*journal(), plain])
    assert (state.void, state.count_damaged(IDS)) == (set(), 1)


def test_a_sound_line_about_a_request_of_another_group_is_damage() -> None:
    state = JournalState.read(journal())
    assert state.count_damaged(IDS[1:]) == 1
    assert state.lost(IDS[1:]) == IDS[1:]  # also the one that was refused: it may have gone again
