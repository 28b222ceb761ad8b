from __future__ import annotations

import pytest

from pipeline.core.advice import IMAGE_ADVICE, explained

KNOWN = (
    "invalid_image_url", "invalid_image_format", "invalid_base64_image", "image_too_large",
    "image_too_small", "image_parse_error", "image_content_policy_violation",
    "failed_to_download_image", "unsupported_image_media_type", "empty_image_file",
)  # fmt: skip


@pytest.mark.parametrize("code", KNOWN)
def test_every_known_code_says_what_to_do_in_the_services_words_too(code: str) -> None:
    text = explained(code, "their words")
    assert text.startswith(IMAGE_ADVICE[code])
    assert "their words" in text
    assert code in explained(code, "")


def test_an_unknown_code_keeps_its_words() -> None:
    assert "model is busy" in explained("odd", "model is busy")
    assert "odd" in explained("odd", "")
