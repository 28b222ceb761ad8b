"""Requests that the service must refuse, found before anything is sent.

What the catalogue knows of a family decides; a family that it does not know is never refused here.
"""

from __future__ import annotations

from pipeline.core.model_facts import ModelFacts
from pipeline.core.request import RequestSpec
from pipeline.errors import UsageError


def refuse_impossible(request: RequestSpec, facts: ModelFacts) -> None:
    """Check effort and length of the requests that are to be made.

    Raises:
        UsageError: the service would refuse them, or they could bring no text; it names what the
            model takes.
    """
    efforts, effort = facts.reasoning_efforts, request.reasoning_effort
    if effort is not None and efforts is not None and effort not in efforts:
        takes = (
            f"it takes {_listed(efforts)}"
            if efforts
            else "it does not reason: leave reasoning_effort out"
        )
        raise UsageError(
            f"{facts.model} refuses prompt.reasoning_effort = {effort!r}: {takes} "
            f'(or correct [models."{facts.model}"] reasoning_efforts)'
        )
    least = facts.least_tokens(request.endpoint)
    if request.max_completion_tokens < least:
        why = (
            f"{request.endpoint} takes no less than {least}"
            if effort in (None, "none")
            else f"its reasoning alone needs that much, it takes no less than {least}"
        )
        raise UsageError(
            f"{facts.model}: prompt.max_completion_tokens = {request.max_completion_tokens} is too "
            f"few: {why}; raise --max-tokens, or correct "
            f'[models."{facts.model}"] min_completion_tokens'
        )


def _listed(words: tuple[str, ...]) -> str:
    """Words as a sentence lists them.

    >>> _listed(("low", "medium", "high"))
    'low, medium or high'
    """
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
