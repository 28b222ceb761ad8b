from __future__ import annotations

import json

import pytest

from pipeline.core.refusal_streak import MOST_ALIKE, RefusalStreak, refused_alike


def body(code: str, message: str = "no") -> bytes:
    return json.dumps({"error": {"message": message, "code": code}}).encode()


ANSWER = b'{"choices": []}'


def streak(*answers: tuple[int, bytes]) -> RefusalStreak:
    counted = RefusalStreak()
    for status, content in answers:
        counted.add(status, content)
    return counted


def test_refusals_alike_end_a_run_and_say_why() -> None:
    alike = streak(*[(400, body("unsupported_parameter", "no max_tokens"))] * MOST_ALIKE)
    assert alike.ends_run
    assert "no max_tokens" in alike.problem(over=False)
    assert "captionmill retry" in alike.problem(over=False)
    assert streak(*[(413, b"<html>")] * MOST_ALIKE).ends_run


def test_an_answer_or_another_reason_between_begins_anew() -> None:
    bad = (400, body("a"))
    assert not streak(*[bad] * (MOST_ALIKE - 1), (200, ANSWER), bad).ends_run
    assert not streak(*[bad] * (MOST_ALIKE - 1), (400, body("b")), bad).ends_run


def test_refusals_of_images_are_their_own_trouble() -> None:
    images = streak(*[(400, body("invalid_image_url"))] * 100)
    assert not images.ends_run
    assert images.problem(over=True) == ""


def test_a_run_in_which_nothing_else_came_says_so_at_its_end() -> None:
    short = streak(*[(413, b"")] * 3)
    assert short.problem(over=False) == ""
    assert "3 were refused alike (HTTP 413)" in short.problem(over=True)
    assert streak((200, ANSWER), (413, b"")).problem(over=True) == ""


@pytest.mark.parametrize(
    ("answers", "failures", "answered", "code"),
    [
        ({"failed": 50}, {"unknown_parameter": 50}, False, "unknown_parameter"),
        ({"failed": 1}, {"unknown_parameter": 1}, False, "unknown_parameter"),
        ({"failed": 1}, {"unknown_parameter": 1}, True, None),  # one image's own trouble, perhaps
        ({"failed": 30}, {"unknown_parameter": 30}, True, "unknown_parameter"),
        ({"failed": 49, "captioned": 1}, {"unknown_parameter": 49}, False, None),
        ({"failed": 50}, {"a": 49, "b": 1}, False, None),
        ({"failed": 50}, {"invalid_image": 50}, False, None),
        ({"failed": 50}, {"server_error": 50}, False, None),
        ({}, {}, False, None),
    ],
)
def test_batches_in_which_all_were_refused_alike(
    answers: dict[str, int], failures: dict[str, int], answered: bool, code: str | None
) -> None:
    assert refused_alike(answers, failures, answered=answered) == code


def test_answers_without_a_caption_end_a_run_too() -> None:
    assert streak(*[(200, b'{"status": "ok"}')] * MOST_ALIKE).ends_run
    assert streak(*[(200, body("busy"))] * MOST_ALIKE).ends_run
    assert not streak(*[(200, b'{"output": []}')] * MOST_ALIKE).ends_run
