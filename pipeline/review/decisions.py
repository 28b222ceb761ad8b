"""Decisions of the person at the page: recorded, then shown in the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.judgements import Action, Judgement
from pipeline.errors import UsageError
from pipeline.review import judging, views
from pipeline.review.edits import Edits
from pipeline.review.fields import check_fields
from pipeline.review.index import Index
from pipeline.review.judging import Change, bulk_judgements, judgement_of, label_of
from pipeline.review.library import Library
from pipeline.review.search import Search

_EXAMPLES = 3
_LONGEST_NOTE = 2000
_MOST_SHOWN = 50
_MOST_AT_ONCE = 1000  # cards of one request; a search may hold any number


class Decisions:
    """Writer of the record. One decision at a time, durable before it returns."""

    def __init__(
        self, index: Index, edits: Edits, now: Callable[[], int], reviewer: str | None = None
    ) -> None:
        self._index, self._edits, self._now = index, edits, now
        self._library = Library(index, edits)
        self._reviewer = reviewer
        self._lock = threading.Lock()

    def judge(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do one action to some cards, as the page asks.

        Raises:
            UsageError: with the reason in words; nothing is recorded.
        """
        action = _action(request.get("action"))
        cards = self._library.cards(_ids(request.get("ids")))
        if not cards:
            raise UsageError("there is no such image any more")
        judgements = self._judgements(action, cards, request)
        if not judgements:  # accepted what a person wrote: it is in force already
            return {"step": None, "cards": self._library.briefs(cards)}
        label = label_of(action, len(judgements))
        note = str(request.get("note") or "")[:_LONGEST_NOTE]
        step = self._record(judgements, label, note)
        images = dict.fromkeys(card["id"] for card in cards)
        if len(cards) <= _MOST_SHOWN:  # other rows that the decision holds for change with them
            images |= dict.fromkeys(
                one["id"] for card in cards for one in self._library.reached(card)
            )
        return {"step": views.step_of(step), "cards": self._again(list(images))}

    def _judgements(
        self, action: Action, cards: Sequence[Mapping[str, Any]], request: Mapping[str, Any]
    ) -> list[Judgement]:
        if len(cards) > 1 and action != "edit":
            change = Change.of({"kind": action})
            judgements = list(bulk_judgements(cards, change))
            if not judgements:
                raise UsageError("that cannot be done to any of them, or is done already")
            return judgements
        card = cards[0]
        if action == "accept" and request.get("work"):
            key, variant = self._library.variant(card["id"], int(request["work"]))
            return [judgement_of(card, "accept", caption=variant, work_key=key)]
        if action == "accept" and judging.accepts_as_edit(card):
            return []
        caption, fields = request.get("caption"), request.get("fields")
        if fields is not None:
            schema = {"properties": self._library.detail(card["id"])["schema"]}
            check_fields(fields, schema)
        text = None if caption is None else str(caption)
        if action == "edit" and text == card["model_caption"] and not fields:
            action = "accept"  # the service's own words again
        return [judgement_of(card, action, caption=text, fields=fields or None)]

    # -- in bulk ---------------------------------------------------------------------------------

    def preview(self, search: Search, value: Mapping[str, Any]) -> dict[str, Any]:
        """Preview of a change to a search: how many, and three examples."""
        change = Change.of(value)
        count = 0
        examples: list[dict[str, str | None]] = []
        for judgement in bulk_judgements(self._library.each(search), change):
            count += 1
            if len(examples) < _EXAMPLES:
                examples.append({"before": judgement.before, "after": judgement.caption})
        return {"count": count, "examples": examples, "edits": change.edits}

    def change(
        self, search: Search, value: Mapping[str, Any], expected: int, note: str = ""
    ) -> dict[str, Any]:
        """Do a change to a search, as one step.

        Raises:
            UsageError: it would do something else than the preview said.
        """
        change = Change.of(value)
        if expected < 1:
            raise UsageError("there is nothing to change")
        judgements = _exactly(expected, bulk_judgements(self._library.each(search), change))
        step = self._record(judgements, label_of(change.kind, expected), note)
        return {"step": views.step_of(step), "count": expected}

    # -- back ------------------------------------------------------------------------------------

    def undo(self, step: int | None, ids: Sequence[int] = ()) -> dict[str, Any]:
        """Take back a step, or the last one.

        Raises:
            UsageError: there is none.
        """
        with self._lock:
            last = self._edits.last_undoable()
            target = step if step is not None else (last.id if last else None)
            undone = None if target is None else self._edits.undo(
                target, at=self._now(), reviewer=self._reviewer
            )  # fmt: skip
        if undone is None:
            raise UsageError("there is nothing to undo")
        self._index.refresh_judged()
        return {"step": views.step_of(undone), "cards": self._again(list(ids))}

    def _record(self, judgements: Iterable[Judgement], label: str, note: str) -> Any:
        with self._lock:
            step = self._edits.append(
                judgements, at=self._now(), label=label, reviewer=self._reviewer, note=note
            )
        self._index.refresh_judged()
        return step

    def _again(self, images: Sequence[int]) -> list[dict[str, Any]]:
        return self._library.briefs(self._library.cards(images[:_MOST_AT_ONCE]))


def _exactly(expected: int, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
    """Judgements, never all in memory; an error after the last one takes the step back.

    Raises:
        UsageError: there were more or fewer of them.
    """
    count = 0
    for judgement in judgements:
        count += 1
        yield judgement
    if count != expected:
        raise UsageError(
            f"meanwhile it would change {count:,} captions, not {expected:,}: "
            "look at the preview again"
        )


def _action(value: object) -> Action:
    if value not in ("accept", "edit", "reject", "again", "clear"):
        raise UsageError(f"{value!r} is no action")
    return value


def _ids(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        raise UsageError("say which images")
    if len(value) > _MOST_AT_ONCE:
        raise UsageError(f"{_MOST_AT_ONCE:,} images at once at most")
    return value
