"""Values of settling: an answer with its price, and what the answers of a batch came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from pipeline.core.identity import parse_custom_id
from pipeline.core.words import counted
from pipeline.records import Answer, Nano

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswers


class PricedAnswer(NamedTuple):
    """Answer with the identity from its custom_id and its exact cost (None: not known)."""

    work_key: bytes
    attempt: int
    answer: Answer
    billed: Nano | None


class OrdinaryPage(NamedTuple):
    """Ordinary answers, each to another line of the shard, and their exact costs (None: not
    known).

    Attributes:
        positions: of their lines in `Planned`.
        tokens: of the answers, by columns.
        costs: answers with the same tokens have the same.
    """

    positions: list[int]
    answers: OrdinaryAnswers
    tokens: Sequence[Sequence[int]]
    costs: list[Nano | None]

    def where(self, chosen: Sequence[bool]) -> OrdinaryPage:
        """Those of the lines that are chosen."""
        return OrdinaryPage(
            list(compress(self.positions, chosen)),
            self.answers.where(chosen),
            [[*compress(column, chosen)] for column in self.tokens],
            list(compress(self.costs, chosen)),
        )

    def priced(self) -> Iterator[PricedAnswer]:
        """Each as any other answer."""
        for answer, cost in zip(self.answers.full(), self.costs, strict=True):
            attempt = parse_custom_id(answer.custom_id)
            assert attempt is not None
            yield PricedAnswer(attempt.work_key, attempt.attempt, answer, cost)


Lines = PricedAnswer | OrdinaryPage
"""One answer, or a page of ordinary ones."""


class Settled(Struct):
    """Result of settling a batch.

    Attributes:
        outcomes: lines by outcome.
        billed: nano-dollars of all lines, None when the cost of one is not known.
        charged: the same, with what was reserved for lines whose cost is not known; None when
            nothing was, and then the shard's whole reservation stays counted.
        prompt_tokens, completion_tokens: sums over the lines.
        over: custom_ids of lines that cost more than was reserved for them.
        highest: nano-dollars of lines that count at their highest cost, by custom_id.
        again: works that are pending again.
        differences: between the service's own sums of tokens and those of the lines, in words, and
            what is not known of costs.
        failures: failed lines by the service's code, and the words of one of each.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    billed: Nano | None = 0
    charged: Nano | None = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    over: list[str] = field(default_factory=list)
    highest: dict[str, Nano] = field(default_factory=dict)
    again: int = 0
    differences: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    failure_words: dict[str, str] = field(default_factory=dict)

    def add(self, priced: PricedAnswer, max_cost: Nano | None) -> None:
        """Count one line, for which `max_cost` was reserved."""
        answer = priced.answer
        self.outcomes[answer.outcome] += 1
        if answer.outcome == "failed":
            self.failures[answer.code] += 1
            self.failure_words.setdefault(answer.code, answer.reason)
        usage = priced.answer.usage
        if usage is not None:
            self.prompt_tokens += usage.prompt
            self.completion_tokens += usage.completion
        if max_cost is not None and (priced.billed is None or answer.outcome == "missing"):
            self.highest[answer.custom_id] = max_cost
        self.billed = _sum(self.billed, priced.billed)
        self.charged = _sum(self.charged, max_cost if priced.billed is None else priced.billed)
        if priced.billed is not None and max_cost is not None and priced.billed > max_cost:
            self.over.append(priced.answer.custom_id)

    def add_ordinary(self, page: OrdinaryPage, max_costs: Sequence[Nano | None]) -> None:
        """Count ordinary lines, as `add` counts each."""
        prompts, _, _, completions, _ = page.tokens
        self.outcomes["captioned"] += len(page.costs)
        self.prompt_tokens += sum(prompts)
        self.completion_tokens += sum(completions)
        costs = page.costs
        charges = [
            most if cost is None else cost for cost, most in zip(costs, max_costs, strict=True)
        ]
        self.billed, self.charged = _total(self.billed, costs), _total(self.charged, charges)
        if None in costs:
            named = zip(page.answers.custom_ids, costs, max_costs, strict=True)
            unbilled = ((name, most) for name, cost, most in named if cost is None)
            self.highest |= {name: most for name, most in unbilled if most is not None}
        self.over += [
            name
            for name, cost, most in zip(page.answers.custom_ids, costs, max_costs, strict=True)
            if cost is not None and most is not None and cost > most
        ]

    def add_beyond(self, batch: str, max_cost: Nano | None, cost: Nano, words: str) -> None:
        """Count what the service bills beyond the lines of a batch, for which `max_cost` was
        reserved; `words` say how the two differ."""
        if words:
            self.differences.append(f"batch {batch}: {words}")
        if cost:
            self.billed, self.charged = _sum(self.billed, cost), _sum(self.charged, cost)
            if max_cost is not None and self.charged is not None and self.charged > max_cost:
                self.over.append(batch)

    def note_shared(self, batch: str, answers: int) -> None:
        """Note how answers count whose cost, and the highest that it can be, nobody knows."""
        self.differences.append(
            f"batch {batch}: {counted(answers, 'answer')} without usage, whose highest cost is in "
            "no record here: counted as all that is left of what the batch could cost"
        )


def _total(one: Nano | None, others: Sequence[Nano | None]) -> Nano | None:
    """Sum of costs, None when one of them is not known."""
    return None if one is None or None in others else one + sum(filter(None, others))


def _sum(one: Nano | None, other: Nano | None) -> Nano | None:
    """Sum of two costs, None when one of them is not known."""
    return None if one is None or other is None else one + other
