"""Form of a run's requests: whether it was ever answered, or refused as it stands."""

from __future__ import annotations

from collections import Counter

from pipeline.core.advice import refusal_sentence
from pipeline.core.refusal_streak import refused_alike
from pipeline.core.request_form import is_answered
from pipeline.core.words import counted
from pipeline.errors import NeedsPerson
from pipeline.session.session import Session
from pipeline.session.spec import CaptionSpec
from pipeline.stages.values import CaptionTask


def form_is_answered(session: Session, caption_spec: CaptionSpec) -> bool:
    """Tell whether requests of this form have had an answer; the local model needs none."""
    if session.identity.local or session.offline:
        return True
    return is_answered(caption_spec.spec, session.ledger.specs.answered())


def refused_before(
    session: Session, caption_spec: CaptionSpec, task: CaptionTask
) -> NeedsPerson | None:
    """Error for a spec under which some tens of requests were refused alike and none was answered,
    while more wait to be sent: the service would refuse them too."""
    ledger = session.ledger
    refusals = ledger.answers.refusals(task.spec)
    failures = Counter({code: times for code, times, _ in refusals})
    code = refused_alike({"failed": failures.total()}, failures, answered=True)
    if code is None or ledger.images.idle(task.sources, task.spec):
        return None
    if form_is_answered(session, caption_spec):
        return None
    ((_, times, words),) = refusals
    return NeedsPerson(
        f"{counted(times, 'request')} of this form were refused alike before, and none was "
        f"answered: nothing more is sent. {refusal_sentence(code, words)}; change the request "
        "and run again, or, when the cause is mended elsewhere, 'captionmill retry --outcome "
        "failed' lets them go again"
    )
