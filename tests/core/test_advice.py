from __future__ import annotations

import pytest

from pipeline.core.advice import refusal_sentence, with_advice
from pipeline.core.reasons import IMAGE_REFUSALS
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    DefiniteRefusal,
    NeedsPerson,
    ServiceError,
    UsageError,
)

KNOWN = (
    "invalid_image_url", "invalid_image_format", "invalid_base64_image", "image_too_large",
    "image_too_small", "image_parse_error", "image_content_policy_violation",
    "failed_to_download_image", "unsupported_image_media_type", "empty_image_file",
)  # fmt: skip


@pytest.mark.parametrize("code", KNOWN)
def test_every_known_code_says_what_to_do_in_the_services_words_too(code: str) -> None:
    text = refusal_sentence(code, "their words")
    known = IMAGE_REFUSALS[code]
    assert text.startswith(f"{known.words}: {known.advice}")
    assert "their words" in text
    assert code in refusal_sentence(code, "")


def test_an_unknown_code_keeps_its_words() -> None:
    assert "model is busy" in refusal_sentence("odd", "model is busy")
    assert "odd" in refusal_sentence("odd", "")


def test_an_unknown_model_says_where_models_are_listed() -> None:
    assert refusal_sentence("model_not_found", "no such model.") == (
        "the service refused the request: no such model; choose another model (--model), or check "
        "its name in the service's list of models"
    )


def test_failures_of_the_service_say_what_to_do() -> None:
    assert str(with_advice(Ambiguous("no answer.", status=500))) == (
        "no answer; the request may have been billed all the same; ask again"
    )
    limited = with_advice(DefiniteRefusal("429: slow down", status=429, code="rate_limit_exceeded"))
    assert isinstance(limited, DefiniteRefusal)
    assert (limited.status, limited.code) == (429, "rate_limit_exceeded")
    assert "wait a minute" in str(limited)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("no such file"),
        NeedsPerson("no credit"),
        DefiniteRefusal("400: wrong", status=400),
        ServiceError("no connection"),
    ],
)
def test_other_errors_stay_as_they_are(error: CaptionmillError) -> None:
    assert with_advice(error) is error
