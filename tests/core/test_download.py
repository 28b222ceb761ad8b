from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.download import (
    DOUBTFUL,
    GONE,
    LONGEST_WAIT,
    SETTLED,
    Failure,
    asks_for_pause,
    not_an_image,
    read_retry_after,
    refusal,
    retry_pause,
    status_failure,
)
from pipeline.core.reasons import DOWNLOAD

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_reason_begins_with_its_words_and_is_one_clean_line() -> None:
    assert refusal("timeout").detail == DOWNLOAD["timeout"].words
    detail = refusal("http_error", "bad\x1b[31m\nhost " + "x" * 999).detail
    assert detail.startswith("the host gave no usable answer: bad [31m host x")
    assert detail.isprintable()
    assert len(detail) < 400


def test_what_is_settled_or_gone_is_a_reason() -> None:
    assert set(DOWNLOAD) > SETTLED | GONE | DOUBTFUL
    assert not GONE & DOUBTFUL


@pytest.mark.parametrize(
    ("status", "retry_after", "asks"),
    [(429, None, True), (429, 1.0, True), (503, 1.0, True), (403, 1.0, True), (503, None, False),
     (403, None, False), (404, 1.0, False)],
)  # fmt: skip
def test_a_wish_for_a_pause(status: int, retry_after: float | None, asks: bool) -> None:
    assert asks_for_pause(status, retry_after) is asks
    failure = status_failure(status, retry_after)
    assert failure is not None
    assert failure.passing or not asks


@pytest.mark.parametrize("status", [200, 203])
def test_a_body_to_be_read(status: int) -> None:
    assert status_failure(status) is None


@pytest.mark.parametrize(
    ("status", "code", "passing"),
    [
        (404, "not_found", False),
        (410, "not_found", False),
        (401, "http_error", False),
        (403, "http_error", False),
        (204, "http_error", False),
        (206, "http_error", False),
        (304, "http_error", False),
        (501, "http_error", False),
        (999, "http_error", False),
        (408, "http_error", True),
        (429, "http_error", True),
        (500, "http_error", True),
        (503, "http_error", True),
    ],
)
def test_statuses(status: int, code: str, passing: bool) -> None:
    failure = status_failure(status, None if status == 403 else 7.0)
    assert failure is not None
    assert (failure.rejection.code, failure.passing) == (code, passing)
    assert str(status) in failure.rejection.detail


@given(st.integers(0, 2000), st.floats(0, 1), st.floats(0, LONGEST_WAIT) | st.none())
def test_pauses_grow_and_are_bounded(attempt: int, jitter: float, asked: float | None) -> None:
    failure = Failure(refusal("timeout"), passing=True, retry_after=asked)
    pause = retry_pause(failure, min(attempt, 900), 1.0, jitter)
    assert pause is not None
    assert (asked or 0.0) <= pause <= LONGEST_WAIT
    assert pause >= min(2.0 ** min(attempt, 900), LONGEST_WAIT) / 2


def test_no_further_try() -> None:
    assert retry_pause(Failure(refusal("not_found")), 0, 1.0, 0.5) is None
    patient = Failure(refusal("http_error"), passing=True, retry_after=LONGEST_WAIT + 1)
    assert retry_pause(patient, 0, 1.0, 0.5) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 400, 999999999.0),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("", None),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:01:00 -0000", None),
        ("Thu, 99 Jan 99999 00:01:00 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_a_number_of_seconds_or_nothing(text: str) -> None:
    seconds = read_retry_after(text, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<!DOCTYPE html><html>",
        b"<!doctype\nhtml>",
        b"\xef\xbb\xbf  \r\n<HTML lang=en>",
        b"<!-- <svg> --> \n <!-- more --><html>",
        b"<script>alert(1)</script>",
        b'{"error": "not found"}',
        b' [{"a": 1}]',
        b"%PDF-1.7",
        b"PK\3\4zip",
        b"\x1f\x8b\x08gzip",
    ],
)
def test_what_is_obviously_no_image(head: bytes) -> None:
    assert not_an_image(head)


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF....WEBP",
        b"II*\0",
        b"BM....",
        b"\0\0\0\x1cftypavif",
        b"<?xml version='1.0'?><svg>",
        b"<svg xmlns=''>",
        b"<!-- a drawing --><svg>",
        b"<headless>",
        b"x",
    ],
)
def test_what_is_left_to_the_preparation(head: bytes) -> None:
    assert not_an_image(head) is None


@pytest.mark.parametrize("piece", [b"<!---->", b"<!--", b"-->", b" ", b"<!-- -->\n", b"<"])
def test_no_page_is_looked_at_for_ever(piece: bytes) -> None:
    assert not_an_image(piece * 100_000) is None
