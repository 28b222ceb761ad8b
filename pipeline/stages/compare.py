"""Costs of the same images under other models or in other sizes.

Computed from the sizes of the originals alone: nothing is decoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from pipeline.core.cost_estimate import PolicyCost
from pipeline.core.image_tokens import UNKNOWN_SIZE, ImageTooLarge
from pipeline.ledger import Ledger
from pipeline.stages.quote import Quote
from pipeline.stages.shard_options import RequestTemplate
from pipeline.stages.values import CaptionTask

Size = tuple[int, int]


class NamedSizing(Struct, frozen=True):
    """Way to size images: its name for people, and the size it gives an upright original."""

    name: str
    choose: Callable[[int, int], Size]


def compare(
    ledger: Ledger,
    task: CaptionTask,
    request_template: RequestTemplate,
    policies: Iterable[NamedSizing],
) -> list[PolicyCost]:
    """Tokens and cost of every unique image of a source, for each policy."""
    sizes = ledger.quoted.sizes(task.sources, task.recipe)
    return [_cost(sizes, task.template, request_template, policy) for policy in policies]


def _cost(
    sizes: dict[Size, int], template: str, request_template: RequestTemplate, policy: NamedSizing
) -> PolicyCost:
    total, refused = Quote(), 0
    for (width, height), count in sizes.items():
        try:
            size = (width, height)
            chosen = size if size == UNKNOWN_SIZE else policy.choose(width, height)
            total.add(request_template.estimator.estimate(*chosen, template), count)
        except ImageTooLarge:
            refused += count
    return PolicyCost(policy.name, total.prompt_tokens, total.expected, total.max_cost, refused)
