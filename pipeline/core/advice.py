"""What a person can do about an image without a caption: by the service's code, by the outcome.

The codes are those of OpenAI's error objects for images in chat completions and responses.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.outcomes import FACTS
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    NeedsPerson,
    ServiceError,
    UsageError,
)
from pipeline.records import Answer

_ADDRESS = (
    "the service cannot get an image from this address: check that it opens without a login and is "
    "the image itself, not a page around it, or download it here with --fetch"
)
MODEL_ADVICE = "choose another model (--model), or check its name in the service's list of models"
_SEND_AGAIN = "save it anew as JPEG or PNG"

IMAGE_ADVICE: Mapping[str, str] = {
    "invalid_image_url": _ADDRESS,
    "failed_to_download_image": _ADDRESS,
    "invalid_image": f"the service cannot read the image: {_SEND_AGAIN}",
    "invalid_image_format": "what is there is no PNG, JPEG, WEBP or still GIF, which is all that "
    "the service reads: download an address here with --fetch, and other formats are converted",
    "unsupported_image_media_type": "the service does not read images of this type: with --fetch "
    "captionmill converts them",
    "invalid_base64_image": "the image arrived damaged: run it again, and report it if that "
    "happens twice",
    "image_parse_error": f"the service cannot read the image, it may be damaged: {_SEND_AGAIN}",
    "empty_image_file": "the image is an empty file: download or copy it again",
    "image_too_large": "the image is too large for the service: use a smaller --long-side, or "
    "--fetch for an address",
    "image_too_small": "the image is too small for the service: use a larger one",
    "image_content_policy_violation": "the service's rules for content do not allow this image: "
    "it will refuse it again",
}
"""Codes of an image's refusal, each with what to do."""


def explained(code: str, reason: str) -> str:
    """A refusal in words that say what to do, with the service's own."""
    advice = IMAGE_ADVICE.get(code)
    if advice is None:
        what = f"; {MODEL_ADVICE}" if code == "model_not_found" else ""
        return f"the service refused the request: {(reason or code).rstrip('.')}{what}"
    return f"{advice} (the service: {reason or code})"


def advised(error: CaptionmillError) -> CaptionmillError:
    """A service's failure with what a person who asked about one image can do; others as are."""
    if isinstance(error, NeedsPerson) or not isinstance(error, ServiceError):
        return error
    if isinstance(error, Ambiguous):
        what = "the request may have been billed all the same; ask again"
    elif error.status == 429:
        what = "wait a minute, or ask about fewer images at once"
    else:
        return error
    return type(error)(f"{str(error).rstrip('.')}; {what}", status=error.status, code=error.code)


def problem_of(answer: Answer, name: str) -> CaptionmillError | None:
    """The error that an answer is for who asked about one image; None for a whole caption."""
    if answer.outcome == "captioned":
        return None
    if advice := FACTS[answer.outcome].advice:
        words = f" (it says: {answer.reason})" if answer.outcome == "refused" else ""
        return NeedsPerson(f"{name}: {advice}{words}")
    if answer.code in IMAGE_ADVICE:
        return UsageError(f"{name}: {explained(answer.code, answer.reason)}")
    return ServiceError(f"{name}: {explained(answer.code, answer.reason)}", code=answer.code)
