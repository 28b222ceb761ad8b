"""captionmill status"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.config import Config
from pipeline.core.provider_kinds import LOCAL
from pipeline.core.words import counted

if TYPE_CHECKING:
    from pipeline.commands.status import Status


@click.command("status")
@json_option
@configured()
def status(as_json: bool, config: Config) -> int:
    """Batches under way, outcomes and money of a workspace. Asks nobody and changes nothing."""
    from pipeline.commands import status

    found = status.status(config)
    if as_json:
        console.out(json.dumps(_as_dict(found)))
        return 0
    for line in _lines(found):
        console.out(line)
    return 0


def _lines(found: Status) -> Iterator[str]:
    from pipeline.commands.status import money_line

    who, _, account = found.provider.partition(":")
    whose = f"{who}, account {account!r}" if account else who
    yield f"workspace   {console.from_here(found.workspace)} ({whose})"
    yield f"images      {found.images:>10,}"
    for outcome, count in found.outcomes.most_common():
        yield f"  {outcome:<10}{count:>10,}"
    local = who == LOCAL.service
    yield f"money       {'the local model is free' if local else money_line(found)}"
    for model, estimated, billed, answers in () if local else found.calibration:
        percent = 100 * billed // max(1, estimated)
        yield (
            f"estimates   {model}: {percent} % of the expected prompt tokens were billed, "
            f"{counted(answers, 'answer')}"
        )
    for batch, shard in found.batches:
        done = (batch.completed or 0) + (batch.failed or 0)
        yield (
            f"batch       {batch.batch_id}  {batch.status:<12}{done:,} of {shard.requests:,} "
            "answered"
        )
    for shard in found.waiting:
        requests = counted(shard.requests, "request")
        yield f"waiting     {shard.shard_key}  {shard.state.lower():<12}{requests} {shard.problem}"
    if found.table:
        yield f"table       {console.from_here(found.table)}"
    if found.frozen:
        yield f"FROZEN      {found.frozen}"
    for at, kind, text in found.incidents:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
        yield f"incident    {when} {kind}: {text}"


def _as_dict(found: Status) -> dict[str, object]:
    return {
        "workspace": found.workspace,
        "table": found.table,
        "provider": found.provider,
        "images": found.images,
        "outcomes": dict(found.outcomes),
        "settled_nano_usd": found.settled,
        "reserved_nano_usd": found.reserved,
        "batches": [
            {"batch_id": b.batch_id, "status": b.status, "requests": s.requests,
             "completed": b.completed, "failed": b.failed}
            for b, s in found.batches
        ],
        "waiting": [{"shard": s.shard_key, "state": s.state} for s in found.waiting],
        "frozen": found.frozen,
        "incidents": [list(incident) for incident in found.incidents],
    }  # fmt: skip
