"""Images that have a text already, as a run heeds them: left out, unless the text is ours."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from pipeline.core.existing_text import equals_any
from pipeline.core.judgements import review_state
from pipeline.ledger import Ledger
from pipeline.review.edits import Edits
from pipeline.session.settings import RunSettings
from pipeline.stages.values import CaptionTask


def leaving_texts(
    task: CaptionTask, settings: RunSettings, ledger: Ledger, edits: Edits
) -> CaptionTask:
    """Task without the images that have a text already, where the settings leave those out.

    The record of the review stays open as long as the task is used.
    """
    if not settings.text_places.words:
        return task
    affixes = settings.output.form.affixes

    def has_text(source_id: bytes, columns: Mapping[str, str], text: str) -> bool:
        if not source_id:  # nobody has read the file: ours is whatever we wrote anywhere
            return not ledger.existing_texts.is_ours(None, text, affixes)
        judgements = edits.judgements_of([source_id]).get(source_id, [])
        state = review_state(judgements, columns, model_caption=text, work_key=None, attempts=0)
        if state.keeps and state.by is not None and state.by.work_key is None:
            return True  # a person wrote over a text that was never paid for
        if equals_any(text, (judgement.caption for judgement in judgements), affixes):
            return False
        return not ledger.existing_texts.is_ours(source_id, text, affixes)

    return replace(task, has_text=has_text)
