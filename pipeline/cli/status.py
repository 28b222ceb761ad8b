"""captionmill status"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from pipeline.cli.console import printable
from pipeline.cli.options import configured, json_option
from pipeline.config import Config


@click.command("status")
@json_option
@configured()
def command(as_json: bool, config: Config) -> int:
    """Batches under way, outcomes and money of a workspace. Asks nobody and changes nothing."""
    from pipeline import tending

    found = tending.status(config)
    if as_json:
        click.echo(json.dumps(_as_dict(found)))
        return 0
    click.echo(f"workspace   {found.workspace} ({found.provider})")
    click.echo(f"images      {found.images:,}")
    for outcome, count in found.outcomes.most_common():
        click.echo(f"  {outcome:<10}{count:>10,}")
    click.echo(f"money       {tending.money_line(found)}")
    for model, estimated, billed, lines in found.calibration:
        percent = 100 * billed // max(1, estimated)
        click.echo(
            f"estimates   {model}: billed prompt tokens {percent} % of estimated ({lines:,})"
        )
    for batch, shard in found.batches:
        done = f"{(batch.completed or 0) + (batch.failed or 0):,} of {shard.requests:,}"
        click.echo(f"batch       {batch.batch_id}  {batch.status:<12}{done} answered")
    for shard in found.waiting:
        click.echo(
            f"waiting     {shard.shard_key}  {shard.state.lower():<12}{shard.requests:,} "
            f"requests {printable(shard.problem)}"
        )
    if found.frozen:
        click.echo(f"FROZEN      {printable(found.frozen)}")
    for at, kind, text in found.incidents:
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
        click.echo(f"incident    {when} {kind}: {printable(text)}")
    return 0


def _as_dict(found: object) -> dict[str, object]:
    from pipeline.tending import Status

    assert isinstance(found, Status)
    return {
        "workspace": found.workspace,
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
