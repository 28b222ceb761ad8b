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
from pipeline.core.pricing import with_usd
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

    shown = status.status(config)
    if as_json:
        console.out(json.dumps(_as_dict(shown)))
        return 0
    for line in _lines(shown):
        console.out(line)
    return 0


def _lines(shown: Status) -> Iterator[str]:
    who, _, account = shown.provider.partition(":")
    whose = f"{who}, account {account!r}" if account else who
    yield f"workspace   {console.from_here(shown.workspace)} ({whose})"
    yield f"images      {shown.images:>10,}"
    yield from _outcomes(shown)
    local = who == LOCAL.service
    yield f"money       {'the local model is free' if local else shown.money}"
    if shown.budget and not local:
        yield f"budget      {shown.budget}"
    for model, estimated, billed, answers in () if local else shown.calibration:
        percent = 100 * billed // max(1, estimated)
        yield (
            f"estimates   {model}: {percent} % of the expected prompt tokens were billed, "
            f"{counted(answers, 'answer')}"
        )
    for note in shown.notes:
        yield f"bill        {note}"
    for batch, shard in shown.batches:
        done = (batch.completed or 0) + (batch.failed or 0)
        yield (
            f"batch       {batch.batch_id}  {batch.status:<12}{done:,} of {shard.requests:,} "
            "answered"
        )
    for shard in shown.waiting:
        requests = counted(shard.requests, "request")
        yield f"waiting     {shard.shard_key}  {shard.state.lower():<12}{requests} {shard.problem}"
    if shown.table:
        yield f"table       {console.from_here(shown.table)}"
    if shown.stale.images:
        yield f"stale       {shown.stale.sentence()}"
    if shown.unexported:
        steps = counted(shown.unexported, "step")
        yield f"review      {steps} newer than the table: 'captionmill export' takes them in"
    if shown.frozen:
        yield f"FROZEN      {shown.frozen}"
    for at, kind, text in shown.incidents:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
        yield f"incident    {when} {kind}: {text}"


def _outcomes(shown: Status) -> Iterator[str]:
    for outcome, count in shown.outcomes.most_common():
        yield f"  {outcome:<11}{count:>9,}"
    if shown.unshown:
        yield (
            f"not shown   {shown.unshown:>10,}   captions of another model, prompt or picture: "
            "'captionmill export --charges FILE' has them"
        )


def _as_dict(shown: Status) -> dict[str, object]:
    return with_usd({
        "workspace": shown.workspace,
        "table": shown.table,
        "provider": shown.provider,
        "images": shown.images,
        "outcomes": dict(shown.outcomes),
        "captions_not_shown": shown.unshown,
        "stale_images": shown.stale.images,
        "stale_requests": shown.stale.requests,
        "stale_expected_nano_usd": shown.stale.expected,
        "settled_nano_usd": shown.settled,
        "reserved_nano_usd": shown.reserved,
        "budget": shown.budget,
        "batches": [
            {"batch_id": b.batch_id, "status": b.status, "requests": s.requests,
             "completed": b.completed, "failed": b.failed}
            for b, s in shown.batches
        ],
        "review_steps_not_in_table": shown.unexported,
        "waiting": [{"shard": s.shard_key, "state": s.state} for s in shown.waiting],
        "frozen": shown.frozen,
        "notes": list(shown.notes),
        "incidents": [list(incident) for incident in shown.incidents],
    })  # fmt: skip
