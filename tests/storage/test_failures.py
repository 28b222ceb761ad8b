from __future__ import annotations

import pytest

from pipeline.storage.failures import code_of, is_out_of_reach, whole_failure
from pipeline.storage.place import Place

PLACE = Place("s3", "bucket", "p")
SIGNED = "https://bucket.example.org/p?X-Amz-Credential=KEY&X-Amz-Signature=0123"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("status 403: <Error><Code>InvalidAccessKeyId</Code>", "InvalidAccessKeyId"),
        (
            "Received redirect without LOCATION, an incorrectly configured region",
            "PermanentRedirect",
        ),
        ("Server returned non-2xx status code: 403 Forbidden: ", "AccessDenied"),
        ("HTTP error: error sending request", ""),
    ],
)
def test_a_failure_is_known_by_its_code(text: str, code: str) -> None:
    assert code_of(RuntimeError(text)) == code


def test_a_sentence_repeats_no_address_that_may_be_signed() -> None:
    sentence = str(whole_failure(RuntimeError(f"odd answer of {SIGNED} today"), PLACE))
    assert sentence.startswith("s3://bucket/p: ")
    assert "odd answer" in sentence
    assert "Signature" not in sentence
    assert "KEY" not in sentence


def test_nobody_who_answers_is_told_from_a_refusal() -> None:
    assert is_out_of_reach(RuntimeError("HTTP error: error sending request"))
    assert not is_out_of_reach(RuntimeError("status 403"))


def test_braces_of_others_are_words() -> None:
    body = 'Server returned non-2xx status code: 400 Bad Request: {"error":{"code":400}}'
    sentence = str(whole_failure(RuntimeError(body), Place("gs", "photos", "a{b}")))
    assert sentence.startswith("gs://photos/a{b}: the service answers 400 Bad Request (")
    assert '{"error"' in sentence
    missing = RuntimeError("<Code>NoSuchBucket</Code>")
    assert "there is no bucket photos" in str(whole_failure(missing, Place("s3", "photos", "")))


def test_an_answer_is_told_from_none() -> None:
    nobody = RuntimeError("error sending request for url (http://127.0.0.1:9/)")
    assert "cannot be reached" in str(whole_failure(nobody, Place("s3", "photos", "")))
