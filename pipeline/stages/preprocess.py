"""Preparation of images that must be read: identities, rejections and prepared bytes.

What need not be decoded is not: an unchanged file is not read, a known one is read and hashed,
and only the rest is decoded, in the engine's worker processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from pipeline.core.identity import work_key
from pipeline.core.prompt import fill_template
from pipeline.core.reasons import PREPARATION
from pipeline.engines.base import Engine
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.recording import Recording
from pipeline.ledger.unrecorded import ContentRecord, WorkRecord
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.stages.stale import checked_again, content_to_send
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask

RECORDED_TOGETHER = 16_384
"""Images in one transaction: each commit writes anew what it touched of every index."""

# Causes that may pass by themselves: read again on every run.
PASSING = frozenset(code for code, reason in PREPARATION.items() if reason.passing)


class PendingRequest(NamedTuple):
    """Work that is not paid for: its prompt and, when at hand, its image's bytes."""

    work: WorkRecord
    prompt: str
    image: PreparedImage | None


def prepare_images(
    engine: Engine, images: Iterable[SeenImage], locate: Callable[[SeenImage], str]
) -> Iterator[tuple[SeenImage, Prepared]]:
    """Prepare images in order. Memory: what the engine prepares ahead."""
    waiting: deque[SeenImage] = deque()  # as the engine answers in order

    def jobs() -> Iterator[tuple[int, str]]:
        for image in images:
            waiting.append(image)
            yield image.id, locate(image)

    for number, prepared in engine.prepare(jobs()):
        image = waiting.popleft()
        assert image.id == number, "a picture must not be taken for another one"
        yield image, prepared


class _Decided(NamedTuple):
    """Image whose content and prompt are decided; its work is not asked for yet."""

    image: SeenImage
    prepared: PreparedImage | KnownImage
    content: ContentRecord
    representative: ContentRecord
    key: bytes
    prompt: str


def link_images(
    ledger: Ledger,
    recording: Recording,
    task: CaptionTask,
    images: Sequence[tuple[SeenImage, Prepared]],
) -> list[PendingRequest]:
    """Decide what became of prepared images, to be recorded by `recording.save`; gives what is to
    be paid for."""
    if ledger.rechecks.due(task.recipe):
        with ledger.database.transaction("link"):
            recording.save()  # what is settled here is recorded at once, contents too
            ledger.put(STALE, "1")
            images = [(image, checked_again(ledger, task, result)) for image, result in images]
    stale = ledger.rechecks.any_stale()
    recording.load(prepared for _, prepared in images)
    decided = []
    for image, prepared in images:
        if one := _decided(ledger if stale else None, recording, task, image, prepared):
            decided.append(one)
    recording.load_works(one.key for one in decided)
    requests = (_link(recording, task, one) for one in decided)
    return [request for request in requests if request is not None]


def _decided(
    stale: Ledger | None,
    recording: Recording,
    task: CaptionTask,
    image: SeenImage,
    prepared: Prepared,
) -> _Decided | None:
    """Content and prompt of an image; None when it is rejected, which is noted.

    `stale`: a ledger with pictures that were prepared wrongly, None for one without.
    """
    if isinstance(prepared, RejectedImage):
        if task.linked:
            note_rejected(recording, image, prepared)
        return None
    content = content_of(recording, prepared)
    if task.linked and (
        _keeps_its_answer(recording, task, image, prepared.source_id, content)
        or _leave_at_its_text(recording, task, image, prepared.source_id, content)
    ):
        return None
    prompt = fill_template(task.template, image.columns)
    if stale and isinstance(content, ContentRecord) and isinstance(prompt, str):
        today = content_to_send(stale, task, prepared.source_id, content.content_id, prompt)
        if today is not None:
            content = today if isinstance(today, Rejection) else recording.content(today.row)
    for rejection in (content, prompt):
        if isinstance(rejection, Rejection):
            if task.linked:
                reject(recording, image, prepared.source_id, rejection)
            return None
    assert isinstance(content, ContentRecord)
    assert isinstance(prompt, str)
    # what stood for a file that was replaced does not stand for its new picture
    replaced = image.content not in (None, content.row)
    near_of = None if replaced else image.near_of
    representative = content if near_of is None else recording.content(near_of)
    key = work_key(representative.content_id, task.spec_id, prompt)
    return _Decided(image, prepared, content, representative, key, prompt)


def _link(recording: Recording, task: CaptionTask, one: _Decided) -> PendingRequest | None:
    for_itself = one.representative is one.content
    work = recording.work(one.key, one.representative, one.image.id if for_itself else None)
    if task.linked:
        original = recording.original(one.prepared.source_id)
        recording.link(one.image.id, original, one.content, work)
    if work.state != "pending" or not for_itself:
        return None  # nothing to pay for, or another image's bytes are sent for this one
    at_hand = one.prepared if isinstance(one.prepared, PreparedImage) else None
    return PendingRequest(work, one.prompt, at_hand)


def content_of(
    recording: Recording, prepared: PreparedImage | KnownImage
) -> ContentRecord | Rejection:
    """Content that an image was prepared as, now or before, or why it was refused before."""
    if isinstance(prepared, PreparedImage):
        return recording.prepared(prepared)
    content = recording.original(prepared.source_id).prepared
    assert content is not None
    return content


def _keeps_its_answer(
    recording: Recording, task: CaptionTask, image: SeenImage, source_id: bytes,
    content: ContentRecord | Rejection,
) -> bool:  # fmt: skip
    """Link an image to the answer that a person accepted or corrected; False where there is none,
    or the ledger does not know it. One that was adopted gets its content, where it is of today's
    request: of another one nothing tells the prompt."""
    key = task.kept_answer(source_id, image.columns)
    if key is None or isinstance(content, Rejection):
        return False
    recording.load_works([key])
    work = recording.known_work(key)
    if work is None or work.state != "done":
        return False
    prompt = fill_template(task.template, image.columns)
    if isinstance(prompt, str) and key == work_key(content.content_id, task.spec_id, prompt):
        recording.work(key, content, image.id)
    recording.link(image.id, recording.original(source_id), content, work)
    return True


def stays_at_its_text(task: CaptionTask, image: SeenImage, source_id: bytes) -> bool:
    """Tell whether an image is not sent because it has a text already."""
    text = image.existing_text
    return text is not None and task.has_text(source_id, image.columns, text)


def _leave_at_its_text(
    recording: Recording, task: CaptionTask, image: SeenImage, source_id: bytes,
    content: ContentRecord | Rejection | None,
) -> bool:  # fmt: skip
    """Leave an image that can be sent at the text that it has; False when it is to be sent."""
    if not isinstance(content, ContentRecord) or not stays_at_its_text(task, image, source_id):
        return False
    recording.leave_out(image.id, recording.original(source_id), content)
    return True


def leave_at_texts(ledger: Ledger, task: CaptionTask) -> None:
    """Link images that were read before to the texts that they have, so that prices and groups
    leave them out."""
    if not ledger.existing_texts.any_unlinked(task.sources):
        return
    recording = Recording(ledger.database, task.recipe, task.spec)
    images = ledger.images.todo(task.sources, read_before=True)
    with recording.transaction("leave_at_texts"):
        while page := list(islice(images, RECORDED_TOGETHER)):
            if _leave_page(recording, task, page):
                ledger.put(STALE, "1")
            recording.save()


def _leave_page(recording: Recording, task: CaptionTask, page: Sequence[SeenImage]) -> bool:
    known = [(image, image.source_id) for image in page if image.source_id is not None]
    recording.load(KnownImage(source_id) for _, source_id in known)
    left = [
        _leave_at_its_text(
            recording, task, image, source_id, recording.original(source_id).prepared
        )
        for image, source_id in known
        if task.kept_answer(source_id, image.columns) is None
    ]
    return any(left)


def link_known(
    ledger: Ledger, task: CaptionTask, check_stop: Callable[[], None] = lambda: None
) -> int:
    """Link unchanged files whose bytes were prepared before, without reading them (after a
    changed prompt, say); gives how many."""
    linked = 0
    recording = Recording(ledger.database, task.recipe, task.spec)
    images = ledger.images.todo(task.sources, read_before=True)
    while page := list(islice(images, RECORDED_TOGETHER)):
        linked += _link_page(ledger, recording, task, page)
        check_stop()
    return linked


def _link_page(
    ledger: Ledger, recording: Recording, task: CaptionTask, page: Sequence[SeenImage]
) -> int:
    known = [(image, KnownImage(image.source_id)) for image in page if image.source_id is not None]
    recording.load(read for _, read in known)
    prepared = [
        (image, read)
        for image, read in known
        if recording.original(read.source_id).prepared is not None
    ]
    link_images(ledger, recording, task, prepared)
    with recording.transaction("link"):
        recording.save()
    return len(prepared)


def note_rejected(recording: Recording, image: SeenImage, prepared: RejectedImage) -> None:
    """Note why an image cannot be captioned, for the image and for its bytes."""
    if is_final(prepared):
        recording.rejected(prepared)
    reject(recording, image, prepared.source_id, prepared.rejection)


def is_final(prepared: RejectedImage) -> bool:
    """Tell whether these bytes would be rejected again: a crash or a timeout may not be."""
    return prepared.rejection.code not in PASSING | {"timeout", "crashed"}


def reject(
    recording: Recording, image: SeenImage, source_id: bytes | None, rejection: Rejection
) -> None:
    """Note why this image cannot be captioned."""
    recording.reject(image.id, source_id, rejection, passing=rejection.code in PASSING)
