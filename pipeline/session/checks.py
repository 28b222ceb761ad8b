"""Checks of the answers so far: sentences about what seems wrong in them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.ledger import Ledger
from pipeline.ledger.whole_endings import waiting_endings

_LINES = 20  # fewer say nothing about a model
_DEVIATION = 25  # percent
_REPEATED, _REPEATED_PERCENT = 20, 2
_SHOWN = 60  # characters of a caption


def deviations(ledger: Ledger) -> Iterator[str]:
    """Sentences about models whose bills are 25 % off the estimates of their prompt tokens."""
    for model, estimated, billed, lines, *_ in ledger.answers.calibration():
        if (
            lines < _LINES
            or estimated <= 0
            or abs(billed - estimated) * 100 <= (_DEVIATION * estimated)
        ):
            continue
        then = (
            "reservations are raised by as much, check the image rule of this model"
            if billed > estimated
            else "less is sent under a budget than could be"
        )
        yield (
            f"{model}: billed prompt tokens are {100 * billed // estimated} % of the estimated "
            f"ones ({lines:,} answers): {then}"
        )


def service_cost_notes(ledger: Ledger) -> Iterator[str]:
    """Sentence about answers whose own cost, as the service names it, is not what is counted."""
    costs = ledger.audit.service_costs()
    if costs.answers:
        yield (
            f"{counted(costs.answers, 'answer')} cost {format_usd(costs.named)} as the service "
            f"names it, and {format_usd(costs.billed)} by tokens and prices here: check the prices"
        )


def repeated_captions(ledger: Ledger) -> Iterator[str]:
    """Sentences about captions that suspiciously many different images share, by spec in use."""
    for spec in ledger.specs.in_use():
        captioned = ledger.answers.captioned(spec)
        least = max(_REPEATED, captioned * _REPEATED_PERCENT // 100)
        for caption, count in ledger.answers.repeated_captions(spec, captioned, least):
            shown = caption if len(caption) <= _SHOWN else f"{caption[:_SHOWN]}..."
            yield (
                f"{count:,} of {captioned:,} different images have the same caption, {shown!r}: "
                "look at some of them"
            )


def unknown_endings(ledger: Ledger) -> Iterator[str]:
    """Sentences about answers that wait for a word to be declared a whole ending: nobody is to
    buy them again."""
    for model, word, count in waiting_endings(ledger.database):
        ended = (
            f"ended with {word!r}, which is no known ending" if word else "came without an ending"
        )
        yield (
            f"{counted(count, 'answer')} of {model} {ended}, and the text is kept: if it is whole, "
            f'write [models."{model}"] whole_endings = {json.dumps([word.lower()])} into the '
            "configuration, and the next run takes it without a request"
        )
