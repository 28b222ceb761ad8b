"""Captioning online inside of a workspace: how `run` and `pilot` start an OnlineCaptioner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import NeedsPerson, ServiceError
from pipeline.ledger import Ledger
from pipeline.ledger.online_groups import ONLINE, is_online
from pipeline.session.session import Session
from pipeline.stages.preprocess import CaptionTask
from pipeline.stages.reconcile import reconcile
from pipeline.stages.runner import Progress, RunTotals
from pipeline.stages.write import ShardOptions, Writer

if TYPE_CHECKING:
    from pipeline.stages.online.captioner import Feed

_NO_BATCHES = frozenset({403, 404, 405, 501})  # HTTP statuses of a list that is not there for us


def caption_online(
    session: Session,
    config: Config,
    task: CaptionTask,
    shard_options: ShardOptions,
    feed: Feed,
    progress: Progress,
) -> RunTotals:
    """Caption what `feed` writes, one request at a time; gives what became of it."""
    # with asyncio and TLS, which most runs do without
    from pipeline.providers.openai_batch import OpenAIBatches
    from pipeline.providers.openai_online import OpenAIOnline
    from pipeline.stages.online.captioner import GROUP, OnlineCaptioner

    service = session.context.service
    assert isinstance(service, OpenAIBatches)  # the same address and key serve both
    groups = replace(shard_options, limits=GROUP, prefix=ONLINE)
    in_flight = config.online.in_flight
    captioner = OnlineCaptioner(
        session.context,
        lambda: Writer(session.ledger, task, groups, session.clock.now, prepared=progress.prepared),
        feed,
        lambda: OpenAIOnline(service.options, in_flight),
        lambda: rate_limiter(config),
        progress,
        most_tokens=config.prompt.max_completion_tokens,
        ahead=max(in_flight, GROUP.requests),
    )
    return captioner.caption()


def rate_limiter(config: Config) -> RateLimiter:
    """When online requests go."""
    online = config.online
    return RateLimiter(online.in_flight, online.requests_per_minute, online.tokens_per_minute)


def asked_online(config: Config) -> Config:
    """The same configuration for requests that are answered at once."""
    provider = config.provider.model_copy(update={"name": "openai_online"})
    return config.model_copy(update={"provider": provider})


def at_flex(config: Config) -> Config:
    """The same configuration for requests that are answered soon, at the batch price."""
    online = config.online.model_copy(update={"tier": "flex"})
    return asked_online(config.model_copy(update={"online": online}))


def look_at_service(session: Session, run_totals: RunTotals) -> bool:
    """Ask the service what it has of ours, once a run and before anything is sent, also online: an
    older copy of the ledger may have been restored. False: no answer, so nothing may be sent."""
    try:
        reconcile(session.context)
    except ServiceError as error:
        if session.online and error.status in _NO_BATCHES and not knows_batches(session.ledger):
            return True  # a service without batches, or a key that may make none, has none of ours
        run_totals.fail(error)
        return False
    except NeedsPerson as error:
        run_totals.fail(error)
    return True


def knows_batches(ledger: Ledger) -> bool:
    """True when the workspace has ever had a batch at the service, or may have one."""
    ids = ledger.batches.ids()
    return any(not is_online(name) for name in ids) or bool(ledger.shards.in_states("CREATING"))
