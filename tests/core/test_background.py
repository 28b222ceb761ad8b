from __future__ import annotations

import json

import pytest

from pipeline.core.background import BackgroundPace, is_cancelled, unfinished_response

PACE = BackgroundPace(window=7_200, first=30, most=10, patience=60)


def response(**fields: object) -> bytes:
    return json.dumps({"object": "response", "id": "resp_1", **fields}).encode()


@pytest.mark.parametrize(("age", "delay"), [(0, 30), (59, 30), (100, 50), (7_000, 120)])
def test_looks_come_ever_more_seldom(age: float, delay: float) -> None:
    assert PACE.delay(age) == delay


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_is_not_over_is_read_by_its_id(status: str) -> None:
    assert unfinished_response(response(status=status)) == "resp_1"


@pytest.mark.parametrize(
    "body",
    [
        response(status="completed"),
        response(status="queued", id="two words"),
        response(status="queued", id="a\nb"),
        response(status="queued", id=7),
        b'{"object": "chat.completion", "id": "x", "status": "queued"}',
        b"[]",
        b"<html>",
    ],
)
def test_everything_else_is_an_answer(body: bytes) -> None:
    assert unfinished_response(body) == ""


def test_a_cancelled_response_that_used_tokens_is_an_answer() -> None:
    assert is_cancelled(response(status="cancelled", usage=None))
    assert not is_cancelled(response(status="cancelled", usage={"input_tokens": 3}))
    assert not is_cancelled(response(status="completed"))
