"""Identification of every new image, without writing requests.

For estimates and for grouping near-duplicates, which need all images before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from pipeline.engines.base import Engine
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.recording import Recording
from pipeline.ledger.works import Content
from pipeline.records import Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.stages.preprocess import content_of, is_final, note_rejected, prepare_images, reject
from pipeline.stages.stale import checked_again
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask

_CHUNK = 32
_RECORDED_TOGETHER = 2_000  # a kill costs as many: nothing else is written meanwhile


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
        for image in ledger.images.todo(task.sources)
        if not _is_known(ledger, task, image, hashed)
    )
    prepared = prepare_images(engine, todo, locate)
    recording = Recording(ledger.database, task.recipe, task.spec)
    while chunk := list(islice(prepared, _CHUNK)):
        read += len(chunk)
        shown(len(chunk))
        if ledger.rechecks.due(task.recipe):
            with ledger.database.transaction("identify"):
                recording.save()  # what is settled here is recorded at once, contents too
                ledger.put(STALE, "1")
                chunk = [(image, checked_again(ledger, task, result)) for image, result in chunk]
        recording.load(result for _, result in chunk)
        for image, result in chunk:
            _identify(recording, image, result)
        if len(recording) >= _RECORDED_TOGETHER:
            _save(ledger, recording)
    _save(ledger, recording)
    return read


def _identify(recording: Recording, image: SeenImage, result: Prepared) -> None:
    if isinstance(result, RejectedImage):
        note_rejected(recording, image, result)
        return
    content = content_of(recording, result)
    if isinstance(content, Rejection):
        reject(recording, image, result.source_id, content)
    else:
        recording.link(image.id, recording.original(result.source_id), content)


def note_contents(
    ledger: Ledger,
    task: CaptionTask,
    prepared: Iterator[tuple[SeenImage, Prepared]],
    check_stop: Callable[[], None],
) -> Iterator[tuple[SeenImage, Prepared]]:
    """Images of a sample as they come. What they are is noted, without deciding about them: what
    cannot be prepared is not priced again, and the next run need not read any of them."""
    recording = Recording(ledger.database, task.recipe, task.spec)
    while chunk := list(islice(prepared, _CHUNK)):
        check_stop()
        with ledger.database.transaction("identify"):
            results = [(image, checked_again(ledger, task, result)) for image, result in chunk]
            recording.load(result for _, result in results)
            for image, result in results:
                _note(recording, image, result)
            recording.save()
        yield from chunk


def _note(recording: Recording, image: SeenImage, result: Prepared) -> None:
    if isinstance(result, PreparedImage):
        original, content = recording.original(result.source_id), recording.prepared(result)
        recording.link(image.id, original, content)
    elif isinstance(result, RejectedImage) and result.source_id and is_final(result):
        recording.rejected(result)
        recording.link(image.id, recording.original(result.source_id), None)


def _save(ledger: Ledger, recording: Recording) -> None:
    if len(recording):
        with ledger.database.transaction("identify"):
            ledger.put(STALE, "1")
            recording.save()


def _is_known(ledger: Ledger, task: CaptionTask, image: SeenImage, hashed: bool) -> bool:
    if image.source_id is None:
        return False
    content = ledger.works.prepared_as(image.source_id, task.recipe)
    return content.hashed or not hashed if isinstance(content, Content) else content is not None
