"""Rules of shards and batches, from a configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.packing import ShardLimits
from pipeline.providers.models import model_facts

_LOCAL_REQUESTS = 250


class BatchSettings(Struct, frozen=True):
    """Rules of shards and batches; see the section [batch] of the configuration."""

    limits: ShardLimits
    first_requests: int
    queue_limit: int | None
    queue_guess: Callable[[str], int | None]
    creates_per_hour: int
    poll_seconds: float
    keep_raw: bool
    keep_shards: bool
    delete_remote: bool

    def shard_limits(self, queue: int | None, *, local: bool = False) -> ShardLimits:
        """Bounds of a shard: at least two fit into the service's queue at once. The built-in
        server answers while later images are prepared, so it gets small ones."""
        limits = self.limits
        most = min(limits.requests, _LOCAL_REQUESTS) if local else limits.requests
        tokens = limits.tokens if queue is None else min(limits.tokens, max(1, queue // 2))
        return replace(limits, requests=most, tokens=tokens)

    @classmethod
    def of(cls, config: Config) -> BatchSettings:
        """Take the rules from a configuration."""
        batch = config.batch
        return cls(
            limits=ShardLimits(
                requests=batch.max_requests, bytes=batch.max_bytes, tokens=batch.max_tokens
            ),
            first_requests=batch.first_requests,
            queue_limit=batch.enqueued_token_limit,
            queue_guess=functools.cache(
                lambda model: model_facts(model, config.models).enqueued_tokens
            ),
            creates_per_hour=batch.creates_per_hour,
            poll_seconds=batch.poll_seconds,
            keep_raw=batch.keep_raw,
            keep_shards=batch.keep_shards,
            delete_remote=batch.delete_remote_files,
        )
