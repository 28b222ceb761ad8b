"""When a shard is full: pure arithmetic over requests, bytes, tokens and money."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.records import Nano


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """Upper bounds of one shard.

    Attributes:
        requests: lines; the service allows 50,000.
        bytes: of the JSONL file; the service allows 200 MB (decimal).
        tokens: expected prompt tokens, so that a shard fits into the service's queue.
    """

    requests: int = 10_000
    bytes: int = 180_000_000
    tokens: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What is in a shard, or what one line adds. `worst` None: the price is unknown."""

    requests: int = 0
    bytes: int = 0
    tokens: int = 0
    worst: Nano | None = 0

    def plus(self, other: Load) -> Load:
        """The sum of two loads."""
        unknown = self.worst is None or other.worst is None
        return Load(
            self.requests + other.requests,
            self.bytes + other.bytes,
            self.tokens + other.tokens,
            None if unknown else (self.worst or 0) + (other.worst or 0),
        )


def takes(load: Load, line: Load, limits: ShardLimits) -> bool:
    """True when `line` still goes into a shard of `load`; an empty shard takes any one line that
    the service would take."""
    total = load.plus(line)
    if total.bytes > limits.bytes or total.requests > limits.requests:
        return False
    return load.requests == 0 or total.tokens <= limits.tokens


def affordable(load: Load, line: Load, room: Nano | None) -> bool:
    """True when the shard with `line` still fits into the budget's room (None: no cap)."""
    if room is None:
        return True
    total = load.plus(line).worst
    return total is not None and total <= room
