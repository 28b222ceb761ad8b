"""How much may wait in the service's queue at once."""

from __future__ import annotations


def admits(queued: int, tokens: int, limit: int | None) -> bool:
    """True when a shard of `tokens` prompt tokens may join `queued` ones under `limit`.

    An empty queue takes any shard: the service knows its limit better than we do, and its
    refusal teaches it to us.
    """
    return limit is None or queued == 0 or queued + tokens <= limit
