"""Batches that came back refused: the reason for which a run sends nothing more."""

from __future__ import annotations

from pipeline.core.advice import refusal_sentence
from pipeline.core.batch_errors import ACCOUNT_ADVICE, account_failure
from pipeline.core.refusal_streak import refused_alike
from pipeline.core.request_form import is_answered
from pipeline.core.words import counted
from pipeline.errors import NeedsPerson
from pipeline.providers.base import AccountRefusal
from pipeline.stages.context import StageContext
from pipeline.stages.submit import TO_SEND
from pipeline.stages.values import CaptionTask, RunTotals

_AGAIN = "'captionmill retry --outcome failed' lets go again what came back so"


def account_refusal(collected: RunTotals) -> AccountRefusal | None:
    """Error for batches whose requests were refused for the account, its credits or its key."""
    failure = account_failure(collected.failed_codes)
    if failure is None:
        return None
    words = collected.failed_words[failure.code].rstrip(".") or failure.code
    return AccountRefusal(f"{words}; {ACCOUNT_ADVICE[failure.kind]}; {_AGAIN}")


def refusal_of_all(
    context: StageContext, task: CaptionTask, collected: RunTotals
) -> NeedsPerson | None:
    """Error for batches whose requests were all refused for one reason, if more would be sent."""
    if not collected.failed_codes or _all_sent(context, task):
        return None
    specs = context.ledger.specs
    answered = is_answered(specs.canonical(task.spec), specs.answered())
    code = refused_alike(collected.answers, collected.failed_codes, answered=answered)
    return None if code is None else NeedsPerson(alike_sentence(collected, code))


def alike_sentence(collected: RunTotals, code: str) -> str:
    """Sentence about batches whose requests were all refused for the same reason."""
    count = collected.failed_codes[code]
    return (
        f"all {counted(count, 'request')} that came back were refused alike: nothing more is "
        f"sent. {refusal_sentence(code, collected.failed_words[code])}; change the request and "
        f"run again, or, when the cause is mended elsewhere, {_AGAIN}"
    )


def _all_sent(context: StageContext, task: CaptionTask) -> bool:
    ledger = context.ledger
    return ledger.images.idle(task.sources, task.spec) and not ledger.shards.in_states(*TO_SEND)
