from __future__ import annotations

import random

import orjson
import pytest

from pipeline.core.answer import judge_line
from pipeline.core.identity import custom_id
from pipeline.core.ordinary_answers import ordinary_answers
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.answer_row import answer_cells
from pipeline.ledger.audit import AuditedAnswer
from pipeline.records import Answer
from pipeline.stages.answer_comparison import AnswerComparison

NAMES = [custom_id(bytes([number]) * 32, 1) for number in range(8)]


def row_of(answer: Answer, rules: int = CURRENT) -> AuditedAnswer:
    *cells, checksum = answer_cells(answer, 5, "prices")
    assert isinstance(checksum, bytes)
    return AuditedAnswer(answer.custom_id, rules, checksum, tuple(cells))


@pytest.mark.parametrize(("version", "chosen"), [(1, "failed"), (CURRENT, "captioned")])
def test_the_first_paid_line_of_a_request_counts_since_version_2(version: int, chosen: str) -> None:
    lines = [
        Answer(NAMES[0], outcome, outcome)
        for outcome in ("failed", "captioned", "refused", "expired")
    ]
    for answer in lines:
        comparison = AnswerComparison({NAMES[0]: row_of(answer, version)})
        for rules in sorted({CURRENT, version}, reverse=True):
            with comparison.reading(rules):
                for line in lines:
                    comparison.add(line)
        assert comparison.differing == ([] if answer.outcome == chosen else NAMES[:1])
        assert (comparison.read, comparison.unknown) == ({NAMES[0]}, [])
        assert comparison.otherwise == (version == 1)


def test_ids_that_nobody_here_made_are_passed_over_and_unknown_ones_named() -> None:
    comparison = AnswerComparison({})
    with comparison.reading(CURRENT):
        for name in ("cm-1", *NAMES[:2]):
            comparison.add(Answer(name, "captioned", "a cat"))
    assert comparison.unknown == NAMES[:2]


def _line(chance: random.Random) -> bytes:
    """Line of one of few requests, ordinary or odd in one way."""
    message = {"role": "assistant", "content": chance.choice(["a cat", "a dog", "", "<think>x"])}
    usage = {"prompt_tokens": chance.choice([9, 9, 0]), "completion_tokens": 3}
    choice = {"message": message, "finish_reason": chance.choice(["stop", "stop", "length"])}
    body = {"choices": [choice], "usage": usage, "model": "m"}
    response = {"status_code": chance.choice([200, 200, 200, 500]), "body": body}
    return orjson.dumps({"custom_id": chance.choice([*NAMES, "alien"]), "response": response})


def _compared(rows: list[AuditedAnswer], lines: list[bytes], *, quick: bool) -> AnswerComparison:
    comparison = AnswerComparison({row.custom_id: row for row in rows})
    with comparison.reading(CURRENT):
        for line in lines:
            ordinary = ordinary_answers([line]) if quick else None
            if ordinary is not None and ordinary.numbers:
                comparison.add_ordinary(ordinary)
                continue
            answer = judge_line(line)
            assert isinstance(answer, Answer)
            comparison.add(answer)
    return comparison


def test_ordinary_lines_are_compared_as_any_others() -> None:
    differing = 0
    for seed in range(300):
        chance = random.Random(seed)
        lines = [_line(chance) for _ in range(12)]
        answers = [judge_line(line) for line in chance.sample(lines, 8)]
        rows = [
            row_of(one, chance.choice([CURRENT, 1])) for one in answers if isinstance(one, Answer)
        ]
        quick, slow = (_compared(rows, lines, quick=quick) for quick in (True, False))
        for name in ("read", "differing", "unknown", "otherwise"):
            assert getattr(quick, name) == getattr(slow, name), (seed, name)
        differing += len(quick.differing)
    assert differing, "odd and even ones were among them"
