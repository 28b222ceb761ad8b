"""People's decisions as a run heeds them: what is not sent again, and what is."""

from __future__ import annotations

from msgspec.structs import replace

from pipeline.core.words import counted
from pipeline.review.in_force import kept_answers, wanted_again
from pipeline.session.session import Session
from pipeline.stages.values import CaptionTask


def under_review(session: Session, task: CaptionTask) -> CaptionTask:
    """Task that leaves alone what people took care of, after what they want again is made pending.

    The record stays open as long as the session.
    """
    edits = session.edits
    if edits.empty():
        return task
    ledger = session.ledger
    with ledger.database.transaction("wanted_again"):
        again = sum(
            ledger.answers.ask_again(key, attempts, task.spec)
            for key, attempts in wanted_again(edits)
        )
    if again:
        goes = "goes" if again == 1 else "go"
        session.context.say(f"{counted(again, 'image')} {goes} again, as the review asks")
    if session.settings.include_reviewed:
        return task
    return replace(task, kept_answer=kept_answers(edits))
