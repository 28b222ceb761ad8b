"""Images that were due in a run, and whether none of them got what it was due for."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.outcomes import CAPTIONED_OUTCOMES, FACTS, NAMES
from pipeline.core.words import counted

_UNSETTLED = (*CAPTIONED_OUTCOMES, "pending")


def failed_of(due: Mapping[str, int]) -> int:
    """Number of due images that ended without a caption."""
    return sum(count for outcome, count in due.items() if outcome not in _UNSETTLED)


def total_failure(due: Mapping[str, int], of_endings: str = "") -> str:
    """Sentence for a run in which no due image got a caption, "" for any other. What is pending is
    no failure yet.

    Args:
        due: their number by outcome.
        of_endings: advice about answers that are invalid for their unknown ending, "" for none.
    """
    failed = failed_of(due)
    if not failed or any(due.get(outcome) for outcome in _UNSETTLED):
        return ""
    order = [*NAMES, "vanished"]
    parts = [f"{due[outcome]:,} {outcome}" for outcome in order if due.get(outcome)]
    whose = "the image that was due has no caption"
    if failed > 1:
        whose = f"none of the {counted(failed, 'image')} that were due has a caption"
    commonest = max(due, key=lambda name: due[name])
    advice = of_endings if of_endings and commonest == "invalid" else _advice(commonest)
    return f"{whose}: {', '.join(parts)}; {advice}"


def _advice(outcome: str) -> str:
    """Advice about the commonest outcome."""
    if outcome == "vanished":
        return "the files left their folder during the run: is its disk still there?"
    if outcome == "rejected":
        return "rejects.csv in the workspace says why"
    facts = FACTS[outcome]
    again = f"'captionmill retry --outcome {outcome}' lets them go again"
    if facts.advice:
        return f"{facts.advice}; then {again}"
    return f"mend the cause, then {again}"
