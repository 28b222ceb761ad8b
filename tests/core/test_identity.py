import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.identity import (
    WorkAttempt,
    canonical_json,
    custom_id,
    custom_ids,
    hash_of,
    ledger_batch_id,
    parse_custom_id,
    service_batch_id,
    work_key,
)

keys = st.binary(min_size=32, max_size=32)


@given(keys, st.integers(1, 999_999))
def test_a_custom_id_says_which_work_and_attempt(key: bytes, attempt: int) -> None:
    text = custom_id(key, attempt)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text)
    assert parse_custom_id(text) == WorkAttempt(key, attempt)


@given(st.text(max_size=70))
def test_foreign_ids_are_never_taken_for_ours(text: str) -> None:
    parsed = parse_custom_id(text)
    assert parsed is None or custom_id(parsed.work_key, parsed.attempt) == text


@pytest.mark.parametrize("tail", ["-0", "-01", "-1x", "--1", "-", "", "-1000000", "-¹"])
def test_bad_attempts_are_not_ours(tail: str) -> None:
    assert parse_custom_id(custom_id(bytes(32), 1)[:-2] + tail) is None


def test_spare_bits_in_the_last_character_are_not_ours() -> None:
    good = custom_id(bytes(32), 1)  # 43 characters carry 258 bits; the last two must be zero
    assert parse_custom_id(good.replace("A-1", "B-1")) is None


@given(keys, keys, st.text(), st.text())
def test_work_keys_differ_with_each_part(content: bytes, spec: bytes, a: str, b: str) -> None:
    assert (work_key(content, spec, a) == work_key(content, spec, b)) == (a == b)
    assert (work_key(content, spec, a) == work_key(spec, content, a)) == (content == spec)


def test_canonical_json_does_not_depend_on_order() -> None:
    assert hash_of({"b": 1, "a": [1, {"d": 2, "c": 3}]}) == hash_of(
        {"a": [1, {"c": 3, "d": 2}], "b": 1}
    )
    assert canonical_json({"ä": None}) == '{"ä":null}'


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        work_key(b"short", bytes(32), "")
    with pytest.raises(ValueError, match="count from 1"):
        custom_id(bytes(32), 0)


@pytest.mark.parametrize("own", ["online-000001-ab12cd34", "file-9", "~x"])
def test_a_service_s_id_is_never_taken_for_one_of_our_own(own: str) -> None:
    assert ledger_batch_id(own) == f"~{own}"
    assert service_batch_id(ledger_batch_id(own)) == own


@pytest.mark.parametrize("plain", ["batch_1", "batches/123", "..", "a" * 400])
def test_other_ids_stay_as_they_are(plain: str) -> None:
    assert ledger_batch_id(plain) == plain
    assert service_batch_id(plain) == plain


def test_an_id_can_be_stored_whatever_it_holds() -> None:
    assert ledger_batch_id("a\ud800").encode() == b"a?"


@given(st.lists(st.tuples(keys, st.integers(1, 999_999)), max_size=5))
def test_many_ids_are_those_of_each(requests: list[tuple[bytes, int]]) -> None:
    many = custom_ids([key for key, _ in requests], [attempt for _, attempt in requests])
    assert many == [custom_id(*request) for request in requests]


@pytest.mark.parametrize(("key", "attempt"), [(bytes(31), 1), (bytes(32), 0), (bytes(32), 10**6)])
def test_there_is_no_id_for_what_is_no_request(key: bytes, attempt: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        custom_ids([bytes(32), key], [1, attempt])
