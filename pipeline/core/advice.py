"""Advice for a person whose image got no caption: by the service's code, by the outcome."""

from __future__ import annotations

from pipeline.core.endings import UNKNOWN_ENDING
from pipeline.core.outcomes import FACTS
from pipeline.core.reasons import IMAGE_REFUSALS, LINE_ERRORS
from pipeline.errors import Ambiguous, CaptionmillError, NeedsPerson, ServiceError, UsageError
from pipeline.records import Answer

_IN_WORDS = ("refused", "filtered")  # outcomes whose reason is in the service's words


def refusal_sentence(code: str, reason: str) -> str:
    """Sentence about a refusal: what to do, and the service's own words."""
    if known := IMAGE_REFUSALS.get(code):
        return f"{known.words}: {known.advice} (the service: {reason or code})"
    advice = LINE_ERRORS[code].advice if code in LINE_ERRORS else ""
    what = f"; {advice}" if advice else ""
    return f"the service refused the request: {(reason or code).rstrip('.')}{what}"


def with_advice(error: CaptionmillError) -> CaptionmillError:
    """Same error with advice for a person who asked about one image, where there is any."""
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
    """Error for a person who asked about one image, None when its answer is a caption."""
    if answer.outcome == "captioned":
        return None
    if answer.code == UNKNOWN_ENDING:
        return ServiceError(f"{name}: {answer.reason}; ask again", code=answer.code)
    if answer.outcome == "failed" and answer.caption:
        words = f"{name}: the service failed while it answered, so the text is cut off"
        return ServiceError(f"{words}: {answer.reason}", code=answer.code)
    if answer.outcome == "missing":
        billed = "the request may have been billed all the same; ask again"
        return ServiceError(f"{name}: {answer.reason}; {billed}", code=answer.code)
    if answer.code in IMAGE_REFUSALS:
        return UsageError(f"{name}: {refusal_sentence(answer.code, answer.reason)}")
    if advice := FACTS[answer.outcome].advice:
        words = f" (it says: {answer.reason})" if answer.outcome in _IN_WORDS else ""
        return NeedsPerson(f"{name}: {advice}{words}")
    return ServiceError(f"{name}: {refusal_sentence(answer.code, answer.reason)}", code=answer.code)
