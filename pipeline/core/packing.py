"""Limits of a shard: pure arithmetic over requests, bytes, tokens and money."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from pipeline.records import Nano


class ShardLimits(Struct, frozen=True):
    """Upper bounds of one shard.

    Attributes:
        requests: lines; the service allows 50,000.
        bytes: of the JSONL file; the service allows 200 MB (decimal).
        tokens: expected prompt tokens, so that a shard fits into the service's queue.
    """

    requests: int = 10_000
    bytes: int = 180_000_000
    tokens: int = 1_000_000


class Load(NamedTuple):  # three are made for each image, in a third of a dataclass's time
    """Sums of a shard, or of one line; `max_cost` None: the price is unknown."""

    requests: int = 0
    bytes: int = 0
    tokens: int = 0
    max_cost: Nano | None = 0

    def plus(self, other: Load) -> Load:
        """Sum of two loads."""
        unknown = self.max_cost is None or other.max_cost is None
        return Load(
            self.requests + other.requests,
            self.bytes + other.bytes,
            self.tokens + other.tokens,
            None if unknown else (self.max_cost or 0) + (other.max_cost or 0),
        )


def fits_shard(load: Load, line: Load, limits: ShardLimits) -> bool:
    """Tell whether `line` still goes into a shard of `load`; an empty shard takes any one line that
    the service would take."""
    if load.bytes + line.bytes > limits.bytes or load.requests + line.requests > limits.requests:
        return False
    return load.requests == 0 or load.tokens + line.tokens <= limits.tokens


def is_affordable(load: Load, line: Load, headroom: Nano | None) -> bool:
    """Tell whether the shard with `line` still fits into the budget's headroom (None: no cap)."""
    if headroom is None:
        return True
    total = load.plus(line).max_cost
    return total is not None and total <= headroom


_TAIL = 3  # requests: a batch of one or two is not worth its waiting
_TAIL_SHARE = 20


def tail_least(sent: int, *, used: bool) -> int:
    """Requests that a shard needs which the budget ends before the job does: fewer are not sent,
    or the last cents of a cap would go out in ever smaller batches.

    Args:
        sent: requests that the run has sent.
        used: something is charged or reserved under the cap already.
    """
    return max(_TAIL, sent // _TAIL_SHARE) if used else 1


def fits_queue(queued: int, tokens: int, limit: int | None) -> bool:
    """Tell whether a shard of `tokens` prompt tokens may join `queued` ones under `limit`.

    An empty queue takes any shard: the service knows its limit better than we do, and its
    refusal teaches it to us.
    """
    return limit is None or queued == 0 or queued + tokens <= limit
