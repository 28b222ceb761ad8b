"""Identification of every new image, without writing requests.

For estimates and for grouping near-duplicates, which need all images before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from pipeline.engines.base import Engine
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.works import Content
from pipeline.records import KnownImage, RejectedImage, Rejection
from pipeline.stages.export import STALE
from pipeline.stages.preprocess import prepare_images, record_rejection, reject
from pipeline.stages.stale import checked_again
from pipeline.stages.values import CaptionTask

_CHUNK = 32


def identify_images(
    ledger: Ledger,
    task: CaptionTask,
    engine: Engine,
    locate: Callable[[SeenImage], str],
    *,
    hashed: bool = False,
    shown: Callable[[int], None] = lambda _count: None,
) -> int:
    """Prepare what was never prepared under this recipe, without linking it; gives how many images
    were read.

    Args:
        hashed: what was prepared without a perceptual hash is prepared again.
        shown: called with how many images more were read.
    """
    read = 0
    todo = (
        image
        for image in ledger.images.todo(task.source)
        if not _is_known(ledger, task, image, hashed)
    )
    prepared = prepare_images(engine, todo, locate)
    while chunk := list(islice(prepared, _CHUNK)):
        read += len(chunk)
        shown(len(chunk))
        with ledger.database.transaction("identify"):
            for image, prepared_now in chunk:
                result = checked_again(ledger, task, prepared_now)
                if isinstance(result, RejectedImage):
                    record_rejection(ledger, task, image, result)
                    ledger.put(STALE, "1")
                    continue
                content: Content | Rejection | None
                if isinstance(result, KnownImage):
                    content = ledger.works.prepared_as(result.source_id, task.recipe)
                else:
                    content = ledger.works.record_prepared(task.recipe, result)
                if isinstance(content, Rejection):
                    reject(ledger, image, result.source_id, content)
                elif content is not None:
                    ledger.works.identify(image.id, result.source_id, content.row)
    return read


def _is_known(ledger: Ledger, task: CaptionTask, image: SeenImage, hashed: bool) -> bool:
    if image.source_id is None:
        return False
    content = ledger.works.prepared_as(image.source_id, task.recipe)
    return content.hashed or not hashed if isinstance(content, Content) else content is not None
