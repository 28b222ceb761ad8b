"""What workers and their parent say to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.wire import decode_answer, decode_jobs, encode_answer, encode_jobs
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection

identities = st.binary(min_size=32, max_size=32)
sizes = st.integers(0, 2**31)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
answers = st.one_of(
    st.builds(KnownImage, identities),
    st.builds(
        RejectedImage,
        st.none() | identities,
        st.builds(Rejection, words, words),
        st.none() | words,
        st.none() | sizes,
        st.none() | sizes,
    ),
    st.builds(
        PreparedImage,
        source_id=identities,
        content_id=identities,
        source_format=words,
        source_width=sizes,
        source_height=sizes,
        width=sizes,
        height=sizes,
        media_type=words,
        base64=st.binary(),
        flags=st.lists(words, max_size=4).map(tuple),
        perceptual_hash=st.none() | st.binary(min_size=16, max_size=16),
        sharpness=sizes,
        url=st.just(""),  # never sent by a worker
    ),
)


@given(answers)
def test_answers_arrive_as_they_were(answer: Prepared) -> None:
    assert decode_answer(b"".join(encode_answer(answer))) == answer


@given(st.lists(st.binary(min_size=1).filter(lambda path: b"\0" not in path), min_size=1))
def test_paths_arrive_as_they_were(paths: list[bytes]) -> None:
    names = [path.decode("utf-8", "surrogateescape") for path in paths]
    assert decode_jobs(encode_jobs(paths)) == names


@given(st.binary())
def test_nonsense_is_an_error_of_one_kind(message: bytes) -> None:
    try:
        decode_answer(message)
    except ValueError:
        return
    raise AssertionError("nonsense was accepted")


@given(answers, st.integers(0, 500), st.integers(0, 255))
def test_a_damaged_answer_is_an_answer_or_a_value_error(
    answer: Prepared, at: int, byte: int
) -> None:
    message = bytearray(b"".join(encode_answer(answer)))
    message[at % len(message)] = byte
    try:
        decoded = decode_answer(bytes(message))
    except ValueError:
        return
    assert isinstance(decoded, Prepared)


def test_an_identity_has_32_bytes() -> None:
    message = b"".join(encode_answer(KnownImage(bytes(31))))
    with pytest.raises(ValueError, match=r"makes no sense: .*32"):
        decode_answer(message)
