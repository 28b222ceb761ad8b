"""Metadata of a batch at the service: what a lost or restored ledger knows its shard by."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipeline.core.lifecycle import RUN
from pipeline.ledger.shards import Shard


def metadata_of(
    workspace: str, shard: Shard, fields: Sequence[str] = (), nonce: str = ""
) -> dict[str, str]:
    """Metadata of a batch, enough to find, book and read it without this ledger.

    `fields` are the properties of its structured answers, `nonce` that of the run that creates it.
    """
    listed = json.dumps(list(fields)) if fields else ""
    made_by = {RUN: nonce} if nonce else {}
    return made_by | {
        "captionmill_workspace": workspace,
        "captionmill_shard": shard.shard_key,
        "captionmill_generation": str(shard.generation),
        "captionmill_requests": str(shard.requests),
        "captionmill_worst_nano": "" if shard.max_cost is None else str(shard.max_cost),
        "captionmill_model": shard.model,
        "captionmill_prices": (shard.prices or "")[:512],
        "captionmill_fields": listed if len(listed) <= 512 else "",
    }
