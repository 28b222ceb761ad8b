"""Adopted works, of which only the key is known, recognised by the images that they are about."""

from __future__ import annotations

from itertools import islice

from pipeline.core.identity import work_key
from pipeline.core.prompt import fill_template
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.recording import Recording
from pipeline.ledger.unrecorded import ContentRecord
from pipeline.records import KnownImage
from pipeline.stages.preprocess import RECORDED_TOGETHER
from pipeline.stages.values import CaptionTask


def recognise_adopted(ledger: Ledger, task: CaptionTask) -> None:
    """Give adopted works the contents of images that were read and are to be linked: before images
    are grouped by what they look like, it must be known which of them are paid for."""
    if not ledger.adoption.any_unrecognised():
        return
    recording = Recording(ledger.database, task.recipe, task.spec)
    images = ledger.images.todo(task.sources, read_before=True)
    while page := list(islice(images, RECORDED_TOGETHER)):
        recording.load(KnownImage(image.source_id) for image in page if image.source_id)
        works = [work for image in page if (work := _work_of(recording, task, image))]
        recording.load_works(key for key, _, _ in works)
        for key, content, image in works:
            if recording.known_work(key) is not None:
                recording.work(key, content, image)
        with recording.transaction("recognise"):
            recording.save()


def _work_of(
    recording: Recording, task: CaptionTask, image: SeenImage
) -> tuple[bytes, ContentRecord, int] | None:
    """Key and content of the work that an image would be sent as, and its row; None for none."""
    prompt = fill_template(task.template, image.columns)
    if image.source_id is None or not isinstance(prompt, str):
        return None
    content = recording.original(image.source_id).prepared
    if not isinstance(content, ContentRecord):
        return None
    return work_key(content.content_id, task.spec_id, prompt), content, image.id
