"""Rows of the table with the captions that are in force, and what people asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from pipeline.core.judgements import Judgement, ReviewState, review_state
from pipeline.core.paging import paged
from pipeline.core.table import Row
from pipeline.review.edits import Edits

_PAGE, _PAGE_SIZE = 1000, 8_000_000  # files, characters of captions


class EditedRows(Struct, frozen=True):
    """Rows of the table with people's decisions put in, as the export stage asks for them."""

    edits: Edits

    def last_step(self) -> int:
        """Number of the last step of the record, 0 for none."""
        return self.edits.last_step()

    def step_mark(self, step: int) -> str | None:
        """Checksum of a step, None where there is no such one."""
        return self.edits.step_mark(step)

    def sources_since(self, step: int) -> Sequence[bytes]:
        """Pictures that a later step was about."""
        return self.edits.sources_since(step)

    def rows(self, pages: Iterable[Sequence[Row]], names: Sequence[str]) -> Iterator[Sequence[Row]]:
        """Pages of the ledger's rows with the decisions put in.

        Args:
            pages: rows whose columns are `names`, as `Rows.table` gives them.
        """
        if self.edits.empty():
            yield from pages
            return
        at = {name: number for number, name in enumerate(names)}
        for page in pages:
            judged = self.edits.judgements_of(
                row[at["source_id"]]  # type: ignore[misc]
                for row in page
                if row[at["source_id"]]
            )
            yield [_with_review(row, at, judged) for row in page] if judged else page


def _with_review(row: Row, at: Mapping[str, int], judged: Mapping[bytes, list[Judgement]]) -> Row:
    source_id = row[at["source_id"]]
    judgements = judged.get(source_id) if isinstance(source_id, bytes) else None
    if not judgements:
        return row
    key = row[at["work_key"]]
    state = review_state(
        judgements,
        json.loads(str(row[at["columns"]] or "{}")),
        model_caption=row[at["caption"]],  # type: ignore[arg-type]
        work_key=key if isinstance(key, bytes) else None,
        attempts=int(row[at["attempts"]] or 0),  # type: ignore[call-overload]
    )
    return _patched(row, at, state)


def _patched(row: Row, at: Mapping[str, int], state: ReviewState) -> Row:
    if state.by is None:
        return row
    cells = list(row)
    cells[at["caption"]] = state.caption
    cells[at["review"]] = state.review
    cells[at["reviewed_at"]] = state.by.at
    cells[at["reviewer"]] = state.by.reviewer
    cells[at["review_note"]] = state.by.note
    if state.fields is not None:
        service = json.loads(str(row[at["fields"]] or "{}"))
        cells[at["fields"]] = json.dumps({**service, **state.fields}, ensure_ascii=False)
    return tuple(cells)


def kept_answers(edits: Edits) -> Callable[[bytes, Mapping[str, str]], bytes | None]:
    """Function that gives the payment whose answer a person accepted or corrected, for a file's
    bytes and its manifest columns; None where the image may be sent."""
    if edits.empty():
        return lambda _source_id, _columns: None

    def answer_of(source_id: bytes, columns: Mapping[str, str]) -> bytes | None:
        judgements = edits.judgements_of([source_id]).get(source_id, [])
        state = review_state(judgements, columns, model_caption=None, work_key=None, attempts=0)
        return state.by.work_key if state.keeps and state.by is not None else None

    return answer_of


def wanted_again(edits: Edits) -> Iterator[tuple[bytes, int]]:
    """(work key, attempts at that time) of every request for another caption that still holds."""
    for request in edits.recaption_requests():
        judgements = edits.judgements_of([request.source_id]).get(request.source_id, [])
        state = review_state(
            judgements, request.values, model_caption=None, work_key=None, attempts=0
        )
        if state.again == request and request.work_key is not None:
            yield request.work_key, request.attempts


def captions_in_force(
    files: Iterable[tuple[str, str | None, bytes | None, Mapping[str, str]]], edits: Edits
) -> Iterator[tuple[str, bytes, str]]:
    """(path, source_id, caption to use) of each file that has one.

    Args:
        files: (path, caption of the service, source_id, manifest columns).
    """
    for page in paged(files, lambda file: len(file[1] or ""), most=_PAGE, most_size=_PAGE_SIZE):
        yield from _of_page(page, edits)


def _of_page(page: Sequence[tuple[Any, ...]], edits: Edits) -> Iterator[tuple[str, bytes, str]]:
    judged = edits.judgements_of(source_id for _, _, source_id, _ in page if source_id)
    for path, caption, source_id, columns in page:
        judgements = judged.get(source_id, [])
        state = review_state(judgements, columns, model_caption=caption, work_key=None, attempts=0)
        if state.caption is not None:
            yield path, source_id or b"", state.caption
