"""What a person can do about an image without a caption: by the service's code, by the outcome.

The codes are those of OpenAI's error objects for images in chat completions and responses.
"""

from __future__ import annotations

from pipeline.core.outcomes import FACTS
from pipeline.core.reasons import IMAGE_REFUSALS, LINE_ERRORS
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    NeedsPerson,
    ServiceError,
    UsageError,
)
from pipeline.records import Answer


def explained(code: str, reason: str) -> str:
    """A refusal in words that say what to do, with the service's own."""
    if known := IMAGE_REFUSALS.get(code):
        return f"{known.words}: {known.advice} (the service: {reason or code})"
    advice = LINE_ERRORS[code].advice if code in LINE_ERRORS else ""
    what = f"; {advice}" if advice else ""
    return f"the service refused the request: {(reason or code).rstrip('.')}{what}"


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
    if answer.code in IMAGE_REFUSALS:
        return UsageError(f"{name}: {explained(answer.code, answer.reason)}")
    return ServiceError(f"{name}: {explained(answer.code, answer.reason)}", code=answer.code)
