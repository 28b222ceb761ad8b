"""Cards as the page gets them: JSON-able values with everything in words that people read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core.audit import KINDS_BY_NAME, names_of
from pipeline.core.outcomes import CAPTIONED_OUTCOMES, FACTS
from pipeline.core.pricing import format_usd
from pipeline.core.reasons import PREPARATION
from pipeline.review.edits import Step

_STATES = {"pending": "waits to be sent", "live": "is at the service"}


def listed_fields(card: Mapping[str, Any], duplicates: int = 0) -> dict[str, Any]:
    """Fields that a list shows of a card."""
    return {
        "id": card["id"],
        "path": card["path"],
        "source": card["source"],
        "folder": card["folder"],
        "occurrence": card["occurrence"],
        "caption": card["caption"],
        "model_caption": card["model_caption"],
        "review": card["review"],
        "again": bool(card["again"]),
        "way": _STATES.get(card["state"] or "") if card["attempts"] or card["again"] else None,
        "outcome": card["outcome"],
        "reason": reason_of(card),
        "model": card["model"],
        "cost": None if card["cost"] is None else format_usd(card["cost"]),
        "tokens": card["tokens"],
        "flags": [flag for flag in (card["flags"] or "").split(",") if flag],
        "findings": [KINDS_BY_NAME[name].title for name in names_of(card["findings"])],
        "duplicates": max(0, duplicates - 1),
        "present": bool(card["present"]),
        "note": card["note"],
        "width": card["width"],
        "height": card["height"],
        "picture": picture_of(card),
        "can": possible_actions(card),
        "version": card["source_id"].hex()[:16] if card["source_id"] else "",
    }


def possible_actions(card: Mapping[str, Any]) -> list[str]:
    """Actions that make sense for a card."""
    if card["source_id"] is None:
        return []
    has_text = card["caption"] is not None or card["model_caption"] is not None
    actions = ["accept", "reject"] if has_text else []
    if card["work_key"] is not None and card["state"] == "done":
        actions.append("again")
    return [*actions, "edit", "clear"]


def picture_of(card: Mapping[str, Any]) -> str | None:
    """Words instead of a picture, None where one can be shown."""
    if card["source_id"] is None:
        return "never read"
    if card["file"] is None:
        return "at an address; nobody fetched it here"
    if not card["present"]:
        return "no longer in its source"
    return None


def reason_of(card: Mapping[str, Any]) -> str | None:
    """Reason why there is no caption, and what can be done, in words; None where there is one."""
    outcome = card["outcome"]
    if outcome in CAPTIONED_OUTCOMES:
        return None
    if outcome == "pending":
        return "It waits to be sent, or for its answer: run or collect again."
    if outcome == "rejected":
        known = PREPARATION.get(card["reason_code"] or "")
        advice = known.advice if known else ""
        return _sentence(card["reason"] or "it cannot be sent", advice)
    facts = FACTS[outcome]
    return _sentence(card["reason"] or f"It {facts.words}", facts.advice)


def _sentence(words: str, advice: str) -> str:
    text = words.strip().rstrip(".")
    text = text[:1].upper() + text[1:]
    return f"{text}. {advice[:1].upper()}{advice[1:]}." if advice else f"{text}."


def step_of(step: Step | None) -> dict[str, Any] | None:
    """Step as the page names it for undoing: what was done, when and by whom."""
    if step is None:
        return None
    return {"id": step.id, "label": step.label, "at": step.at, "reviewer": step.reviewer}


def columns_of(card: Mapping[str, Any]) -> dict[str, str]:
    """Manifest columns of a card."""
    values: dict[str, str] = json.loads(card["columns"] or "{}")
    return values


def fields_of(card: Mapping[str, Any], name: str = "fields") -> dict[str, Any]:
    """Fields of a structured answer."""
    values: dict[str, Any] = json.loads(card[name] or "{}")
    return values
