"""captionmill status"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from pipeline.cli import console
from pipeline.cli.options import configured, json_option
from pipeline.core.pricing import with_usd
from pipeline.core.provider_kinds import LOCAL
from pipeline.core.words import counted

if TYPE_CHECKING:
    from pipeline.commands.status import Status
    from pipeline.config import Config
    from pipeline.session.workers import WorkersInUse


_EVERY = 5.0  # seconds between two looks
_SHOWN_WORKERS = 8
_REST = 4  # times as long as a look took, so that a large ledger leaves a run its cores


@click.command("status")
@click.option("--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
@json_option
@configured()
def status(watch: bool, as_json: bool, config: Config) -> int:
    """Batches under way, outcomes and money of a workspace. Asks nobody and changes nothing.

    A batch's end is expected from how long this account's own ones took before. --watch draws it
    anew every few seconds, or writes a line a change where there is no terminal.
    """
    from pipeline.commands import status

    if watch:
        if as_json:
            raise click.UsageError("--watch and --json do not go together")
        return _watch(lambda: status.status(config))
    shown = status.status(config)
    if as_json:
        console.out(json.dumps(_as_dict(shown)))
        return 0
    for line in _lines(shown):
        console.out(line)
    return 0


def _watch(read: Callable[[], Status]) -> int:
    """Show a status until Ctrl-C."""
    screen = console.Screen()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            began = time.monotonic()
            shown = read()
            screen.show([*_lines(shown), "", f"{_clock(shown.now)}, Ctrl-C ends it"], _line(shown))
            time.sleep(max(_EVERY, _REST * (time.monotonic() - began)))
    return 0


def _line(shown: Status) -> str:
    """Status in one line that is the same as long as nothing changes."""
    requests = sum(shard.requests for _, shard in shown.batches)
    done = sum((batch.completed or 0) + (batch.failed or 0) for batch, _ in shown.batches)
    parts = [f"{count:,} {outcome}" for outcome, count in shown.outcomes.most_common()]
    if shown.batches:
        batches = counted(len(shown.batches), "batch", "batches")
        parts.append(f"{done:,} of {requests:,} answered in {batches}")
    if shown.waiting:
        parts.append(f"{counted(len(shown.waiting), 'shard')} waiting")
    frozen = [f"FROZEN: {shown.frozen}"] if shown.frozen else []
    return "; ".join([", ".join(parts) or "no images yet", shown.money, *frozen])


def _clock(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S UTC")


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
    for model, estimated, billed, answers, *_ in () if local else shown.calibration:
        percent = 100 * billed // max(1, estimated)
        yield (
            f"estimates   {model}: {percent} % of the counted prompt tokens were billed, "
            f"{counted(answers, 'answer')}"
        )
    for note in shown.notes:
        yield f"bill        {note}"
    if shown.workers is not None:
        yield from _workers(shown.workers)
    for batch, shard in shown.batches:
        done = (batch.completed or 0) + (batch.failed or 0)
        yield (
            f"batch       {batch.batch_id}  {batch.status:<12}{done:,} of {shard.requests:,} "
            f"answered, {shown.expected_end(batch).words(shown.now)}"
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


def _workers(shown: WorkersInUse) -> Iterator[str]:
    """Workers of a cluster with their memory; those that use the most, where there are many."""
    workers = sorted(shown.workers, key=lambda worker: (-worker.memory, worker.address))
    threads, memory = sum(one.threads for one in workers), sum(one.memory for one in workers)
    yield (
        f"workers     {counted(len(workers), 'worker')} with {counted(threads, 'thread')} at "
        f"{shown.scheduler}, {_gigabytes(memory)} of memory"
    )
    for worker in workers[:_SHOWN_WORKERS]:
        limit = f" of {_gigabytes(worker.memory_limit)}" if worker.memory_limit else ""
        yield f"  {worker.address}  {_gigabytes(worker.memory)}{limit}"
    if len(workers) > _SHOWN_WORKERS:
        yield f"  and {len(workers) - _SHOWN_WORKERS:,} that use less"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


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
             "completed": b.completed, "failed": b.failed, "created_at": b.created_at,
             "expected_end": shown.expected_end(b).end}
            for b, s in shown.batches
        ],
        "review_steps_not_in_table": shown.unexported,
        "waiting": [{"shard": s.shard_key, "state": s.state} for s in shown.waiting],
        "workers": None if shown.workers is None else to_builtins(shown.workers),
        "frozen": shown.frozen,
        "notes": list(shown.notes),
        "incidents": [list(incident) for incident in shown.incidents],
    })  # fmt: skip
