"""Judgements of people over captions, and which of them is in force for a row of the table.

A judgement is about a picture: the bytes of its file (or the address that was sent instead)
together with the manifest's values that the prompt used. Neither its path, nor the model, nor a
parameter is part of that, so that it outlives a moved file and a changed prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from pipeline.core.prompt import template_fields
from pipeline.errors import UsageError

Action = Literal["accept", "edit", "reject", "again", "clear"]
"""What a person did: took the caption, wrote one, refused it, asked for another go, or took all of
that back."""

Review = Literal["accepted", "edited", "rejected"]


class Judgement(Struct, frozen=True):
    """One picture in one step of a person.

    Attributes:
        source_id: SHA-256 of the file's bytes or of the address, 32 bytes.
        values: the manifest's values that the prompt used.
        action: see Action.
        model_caption: text of the service at that time, None for none.
        before: caption in force before.
        caption: caption from now on ("accept", "edit").
        fields: fields of a structured answer as a person wrote them, None for the service's own.
        work_key: the payment whose answer was judged, None where there is none.
        attempts: how often it had been tried.
        step, at, reviewer, note: of the step; 0 and "" before it is recorded.
    """

    source_id: bytes
    values: Mapping[str, str]
    action: Action
    model_caption: str | None = None
    before: str | None = None
    caption: str | None = None
    fields: Mapping[str, Any] | None = None
    work_key: bytes | None = None
    attempts: int = 0
    step: int = 0
    at: int = 0
    reviewer: str | None = None
    note: str | None = None


class ReviewState(Struct, frozen=True):
    """State of one row after all that people did.

    Attributes:
        review: None while nobody has decided.
        caption: text to use.
        fields: as a person wrote them, None for the service's own.
        by: the judgement that decides, None without one.
        again: the latest request for another caption that is not yet answered.
    """

    review: Review | None = None
    caption: str | None = None
    fields: Mapping[str, Any] | None = None
    by: Judgement | None = None
    again: Judgement | None = None

    @property
    def keeps(self) -> bool:
        """Tell whether a changed prompt sends nothing: the caption was accepted or written, and no
        other was asked for since."""
        return self.review in ("accepted", "edited") and self.again is None


def prompt_values(template: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Values of a row's columns that a template names."""
    try:
        names = template_fields(template)
    except UsageError:  # of a spec that an older version recorded
        return {}
    return {name: columns[name] for name in sorted(names) if name in columns}


def values_text(values: Mapping[str, str]) -> str:
    """JSON of names and values, such that equal ones have equal texts."""
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False)


def judgement_applies(judgement: Judgement, columns: Mapping[str, str]) -> bool:
    """Tell whether a row with these columns has the values that the judgement was about."""
    return all(columns.get(name) == value for name, value in judgement.values.items())


class _Fold(Struct):
    """State while judgements are folded into it, oldest first."""

    by: Judgement | None = None
    again: Judgement | None = field(default=None)

    def take(self, judgement: Judgement) -> None:
        if judgement.action == "again":
            self.again = judgement
            if self.by is not None and self.by.action == "accept":
                self.by = None  # who asks for another one no longer takes this one
            return
        self.again = None if judgement.action != "reject" else self.again
        self.by = None if judgement.action == "clear" else judgement


def review_state(
    judgements: Iterable[Judgement],
    columns: Mapping[str, str],
    *,
    model_caption: str | None,
    work_key: bytes | None,
    attempts: int,
) -> ReviewState:
    """Fold a picture's judgements, oldest first, into the state of one of its rows.

    Args:
        columns: the row's manifest columns.
        model_caption: what the service says today.
        work_key, attempts: of the row's payment today.
    """
    fold = _Fold()
    for judgement in judgements:
        if judgement_applies(judgement, columns):
            fold.take(judgement)
    by, again = fold.by, fold.again
    if again is not None and again.work_key == work_key and attempts > again.attempts:
        again = None  # it had its go
    if by is None:
        return ReviewState(caption=model_caption, again=again)
    if by.action == "reject":
        if by.model_caption != model_caption:  # a rejection is about a text, and this is another
            return ReviewState(caption=model_caption, again=again)
        return ReviewState("rejected", None, None, by, again)
    review: Review = "accepted" if by.action == "accept" else "edited"
    return ReviewState(review, by.caption, by.fields, by, again)


def undone_steps(steps: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Steps that do not hold, from (step, the step that it undoes) of every undoing, oldest first.

    An undoing that was undone itself undoes nothing.
    """
    gone: set[int] = set()
    for step, target in reversed(steps):
        if step not in gone:
            gone.add(target)
    return frozenset(gone)
