"""Preparation of images that must be read: identities, rejections and prepared bytes.

What need not be decoded is not: an unchanged file is not read, a known one is read and hashed,
and only the rest is decoded, in the engine's worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipeline.core.identity import work_key
from pipeline.core.prompt import fill_template
from pipeline.core.reasons import PREPARATION
from pipeline.engines.base import Engine
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.works import Content, Work
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.stages.export import STALE
from pipeline.stages.stale import checked_again, content_to_send
from pipeline.stages.values import CaptionTask

# Causes that may pass by themselves: read again on every run.
PASSING = frozenset(code for code, reason in PREPARATION.items() if reason.passing)


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """Work that is not paid for: its prompt, its content and, when at hand, its image's bytes."""

    work: Work
    key: bytes
    prompt: str
    image: PreparedImage | None
    content: Content


def prepare_images(
    engine: Engine, images: Iterable[SeenImage], locate: Callable[[SeenImage], str]
) -> Iterator[tuple[SeenImage, Prepared]]:
    """Prepare images in order. Memory: what the engine prepares ahead."""
    waiting: dict[int, SeenImage] = {}

    def jobs() -> Iterator[tuple[int, str]]:
        for image in images:
            waiting[image.id] = image
            yield image.id, locate(image)

    for number, prepared in engine.prepare(jobs()):
        yield waiting.pop(number), prepared


def record_image(
    ledger: Ledger, task: CaptionTask, image: SeenImage, prepared: Prepared
) -> PendingRequest | None:
    """Record the content or rejection of an image; gives its work when that is to be paid for.

    To be called inside a transaction.
    """
    prepared = checked_again(ledger, task, prepared)
    if isinstance(prepared, RejectedImage):
        if task.linked:
            record_rejection(ledger, task, image, prepared)
        return None
    if isinstance(prepared, KnownImage):
        content = ledger.works.prepared_as(prepared.source_id, task.recipe)
    else:
        content = ledger.works.record_prepared(task.recipe, prepared)
    if isinstance(content, Rejection):
        if task.linked:
            reject(ledger, image, prepared.source_id, content)
        return None
    assert content is not None
    return _link(ledger, task, image, prepared, content)


def _link(
    ledger: Ledger,
    task: CaptionTask,
    image: SeenImage,
    prepared: PreparedImage | KnownImage,
    content: Content,
) -> PendingRequest | None:
    if task.linked and _keeps_its_answer(ledger, task, image, prepared.source_id, content):
        return None
    if task.linked and stays_at_its_text(task, image, prepared.source_id):
        ledger.existing_texts.link(image.id, prepared.source_id, content.row)
        return None
    prompt = fill_template(task.template, image.columns)
    if not isinstance(prompt, Rejection):
        today = content_to_send(ledger, task, prepared.source_id, content, prompt)
        prompt, content = (today, content) if isinstance(today, Rejection) else (prompt, today)
    if isinstance(prompt, Rejection):
        if task.linked:
            reject(ledger, image, prepared.source_id, prompt)
        return None
    # what stood for a file that was replaced does not stand for its new picture
    replaced = image.content not in (None, content.row)
    near_of = None if replaced else image.near_of
    representative = content if near_of is None else ledger.works.content(near_of)
    key = work_key(representative.content_id, task.spec_id, prompt)
    for_itself = representative.row == content.row
    work = ledger.works.work(key, representative.row, task.spec, image.id if for_itself else None)
    if task.linked:
        ledger.works.link(image.id, prepared.source_id, content.row, work.row)
    if work.state != "pending" or not for_itself:
        return None  # nothing to pay for, or another image's bytes are sent for this one
    at_hand = prepared if isinstance(prepared, PreparedImage) else None
    return PendingRequest(work, key, prompt, at_hand, content)


def _keeps_its_answer(
    ledger: Ledger, task: CaptionTask, image: SeenImage, source_id: bytes, content: Content
) -> bool:
    """Link an image to the answer that a person accepted or corrected; False where there is none,
    or the ledger does not know it."""
    key = task.kept_answer(source_id, image.columns)
    work = ledger.works.peek(key) if key is not None else None
    if work is None or work.state != "done":
        return False
    ledger.works.link(image.id, source_id, content.row, work.row)
    return True


def stays_at_its_text(task: CaptionTask, image: SeenImage, source_id: bytes) -> bool:
    """Tell whether an image is not sent because it has a text already."""
    text = image.existing_text
    return text is not None and task.has_text(source_id, image.columns, text)


def leave_at_texts(ledger: Ledger, task: CaptionTask) -> None:
    """Link images that were read before to the texts that they have, whatever their prompt would
    be, so that prices and groups count without them."""
    if not ledger.existing_texts.any_unlinked(task.source):
        return
    with ledger.database.transaction("leave_at_texts"):
        for image in ledger.images.todo(task.source, read_before=True):
            assert image.source_id is not None
            content = ledger.works.prepared_as(image.source_id, task.recipe)
            if not isinstance(content, Content) or image.existing_text is None:
                continue
            if task.kept_answer(image.source_id, image.columns) is None and stays_at_its_text(
                task, image, image.source_id
            ):
                ledger.existing_texts.link(image.id, image.source_id, content.row)
                ledger.put(STALE, "1")


def link_known(
    ledger: Ledger, task: CaptionTask, check_stop: Callable[[], None] = lambda: None
) -> int:
    """Link unchanged files whose bytes were prepared before, without reading them (after a
    changed prompt, say); gives how many."""
    linked = 0
    page: list[SeenImage] = []
    for image in ledger.images.todo(task.source, read_before=True):
        page.append(image)
        if len(page) == 1000:
            linked += _link_page(ledger, task, page)
            page = []
            check_stop()
    return linked + _link_page(ledger, task, page)


def _link_page(ledger: Ledger, task: CaptionTask, page: list[SeenImage]) -> int:
    linked = 0
    with ledger.database.transaction("link"):
        for image in page:
            assert image.source_id is not None
            if ledger.works.prepared_as(image.source_id, task.recipe) is not None:
                record_image(ledger, task, image, KnownImage(image.source_id))
                linked += 1
    return linked


def record_rejection(
    ledger: Ledger, task: CaptionTask, image: SeenImage, prepared: RejectedImage
) -> None:
    """Record why an image cannot be captioned, for the image and for its bytes."""
    if _lasting(prepared):
        ledger.works.record_rejected(task.recipe, prepared)
    reject(ledger, image, prepared.source_id, prepared.rejection)


def _lasting(prepared: RejectedImage) -> bool:
    """Tell whether these bytes would be rejected again: a crash or a timeout may not be."""
    return prepared.rejection.code not in PASSING | {"timeout", "crashed"}


def reject(ledger: Ledger, image: SeenImage, source_id: bytes | None, rejection: Rejection) -> None:
    """Record why this image cannot be captioned."""
    if source_id is not None:
        ledger.works.original(source_id, None, None, None)
    ledger.works.reject(image.id, source_id, rejection, passing=rejection.code in PASSING)
