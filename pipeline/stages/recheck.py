"""Second look at what version 0.1.0 prepared: pictures that it sent otherwise than a person sees
them are prepared again and marked. Nothing is sent, and no caption is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from pipeline.core.words import counted
from pipeline.engines.base import Engine
from pipeline.imaging.stale_kinds import may_be_stale
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.rechecks import Recheck
from pipeline.records import KnownImage, Prepared
from pipeline.stages.preprocess import prepare_images
from pipeline.stages.stale import former_of, settle_recheck
from pipeline.stages.values import CaptionTask

_CHUNK = 32
_SIFTED = 1000
_SIFTING = "sifted:"  # a fact of a recipe: what nobody doubts went out
_DONE = "rechecked:"  # a fact of a source: what could be looked at again was


def recheck_preparations(
    ledger: Ledger,
    task: CaptionTask,
    engine: Engine,
    locate: Callable[[SeenImage], str],
    least: int,
    *,
    changed: bool = True,
    say: Callable[[str], None] = lambda _text: None,
    check_stop: Callable[[], None] = lambda: None,
) -> int:
    """Prepare once more what version 0.1.0 may have prepared wrongly; gives how many it did.

    Files that are to be read anyway are left to that (`stages.stale.checked_again`).

    Args:
        engine: decodes every file.
        least: `min_sent_side`, pixels.
        changed: the source has changed; else files that could not be read are not tried again.
    """
    if not ledger.rechecks.due(task.recipe):
        return 0
    _sift(ledger, task, least, check_stop)
    done = [f"{_DONE}{source}:{task.recipe.row}" for source in task.sources]
    doubtful = ledger.rechecks.count_unchecked(task.sources, task.recipe)
    if not doubtful or (not changed and all(map(ledger.get, done))):
        return 0
    say(
        f"{counted(doubtful, 'picture')} of version 0.1.0 prepared once more, to see whether it "
        "was right: nothing is sent for it"
    )
    wrong = _prepare(ledger, task, engine, locate, check_stop)
    for key in done:
        ledger.put(key, "1")
    return wrong


def _prepare(
    ledger: Ledger,
    task: CaptionTask,
    engine: Engine,
    locate: Callable[[SeenImage], str],
    check_stop: Callable[[], None],
) -> int:
    """Prepare what is in doubt; gives how many were wrong."""
    wrong, waiting = 0, dict[int, Recheck]()

    def images() -> Iterator[SeenImage]:
        for recheck in ledger.rechecks.unchecked(task.sources, task.recipe):
            waiting[recheck.image.id] = recheck
            yield recheck.image

    prepared = prepare_images(engine, images(), locate)
    while chunk := list(islice(prepared, _CHUNK)):
        check_stop()
        with ledger.database.transaction("recheck"):
            for image, again in chunk:
                wrong += _settle(ledger, task, waiting.pop(image.id), again)
    return wrong


def _settle(ledger: Ledger, task: CaptionTask, recheck: Recheck, again: Prepared) -> bool:
    if isinstance(again, KnownImage) or again.source_id != recheck.image.source_id:
        return False  # not there, or another file by now: the next crawl sees to it
    return settle_recheck(ledger, task, recheck, again)


def _sift(ledger: Ledger, task: CaptionTask, least: int, check_stop: Callable[[], None]) -> None:
    """Take out what is not doubted, once for all, without reading a file."""
    done = f"{_SIFTING}{task.recipe.row}"
    if ledger.get(done):
        return
    rechecks = ledger.rechecks.all(task.recipe)
    while page := list(islice(rechecks, _SIFTED)):
        check_stop()
        sound = [one.original for one in page if not may_be_stale(former_of(one), least)]
        with ledger.database.transaction("recheck"):
            ledger.rechecks.mark_right(sound, task.recipe)
    ledger.put(done, "1")
