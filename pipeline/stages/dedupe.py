"""Near duplicates: one picture represents those that look like it, where that is asked for.

Needs every new image's hash before anything is sent, so it comes between crawling and writing.
What is paid for already stays its own representative.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from pipeline.engines.base import Engine
from pipeline.ledger import Ledger
from pipeline.ledger.database import SourceRows
from pipeline.ledger.images import SeenImage
from pipeline.ledger.page_cache import small_cache
from pipeline.stages.adopted_works import recognise_adopted
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import leave_at_texts
from pipeline.stages.values import CaptionTask

_DETAILS = 10_000  # grids of pages that are held at once: 20 MB


class NearDuplicate(Struct, frozen=True, gc=False):
    """Image and the one that would stand for it: paths, and how many bits of the hashes
    differ."""

    path: str
    representative: str
    distance: int


def represent_near_duplicates(
    ledger: Ledger,
    task: CaptionTask,
    engine: Engine,
    locate: Callable[[SeenImage], str],
    distance: int,
) -> int:
    """Decide which new images are represented by another one; gives how many are."""
    from pipeline.core.near_duplicates import group

    identify_images(ledger, task, engine, locate, hashed=True)
    leave_at_texts(ledger, task)  # what is not sent represents nothing
    recognise_adopted(ledger, task)
    ledger.existing_texts.free_represented(task.sources)
    with small_cache(ledger.database):
        appearances = ledger.near_duplicates.appearances(task.sources, task.spec, task.recipe)
    rows = appearances.rows
    detail = lru_cache(_DETAILS)(lambda place: ledger.near_duplicates.detail(rows[place]))
    represented = group(appearances, distance, detail)
    with small_cache(ledger.database), ledger.database.transaction("dedupe"):
        return ledger.near_duplicates.set_represented(
            task.sources, ((rows[member], rows[by], bits) for member, by, bits in represented)
        )


def near_duplicates_of(ledger: Ledger, sources: SourceRows) -> list[NearDuplicate]:
    """Represented images that are not captioned yet, to be checked before it counts."""
    duplicates, by = list[NearDuplicate](), ""
    for path, representative, distance in ledger.near_duplicates.represented(sources):
        by = by if by == representative else representative  # there once for all of its group
        duplicates.append(NearDuplicate(path, by, distance))
    return duplicates
