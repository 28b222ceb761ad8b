"""Captioning online inside of a workspace, for `run` and `pilot`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from pipeline.core.pricing import Tier
from pipeline.errors import NeedsPerson, ServiceError
from pipeline.ledger import Ledger
from pipeline.ledger.online_groups import ONLINE, is_online
from pipeline.providers import online_of
from pipeline.providers.base import AddressedService, AddressRefusal
from pipeline.session.session import Session
from pipeline.stages.reconcile import reconcile
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.values import CaptionTask, Progress, RunTotals
from pipeline.stages.waiting import after_pauses
from pipeline.stages.write import Writer

if TYPE_CHECKING:
    from pipeline.stages.online.captioner import Feed

_NO_BATCHES = frozenset({403, 404, 405, 501})  # HTTP statuses of a list that is not there for us


def caption_online(
    session: Session,
    task: CaptionTask,
    shard_options: ShardOptions,
    feed: Feed,
    progress: Progress,
    totals: RunTotals,
    tier: Tier = "standard",
    *,
    wait: bool = True,
) -> None:
    """Caption what `feed` writes, one request at a time; counted in `totals`."""
    # with asyncio and TLS, which most runs do without
    from pipeline.stages.online.captioner import GROUP, OnlineCaptioner

    opened = online_of(session.identity.provider)
    service = cast(AddressedService, session.context.service)  # one address and key serve both
    groups = replace(shard_options, limits=GROUP, prefix=ONLINE)
    online = session.settings.online
    captioner = OnlineCaptioner(
        session.context,
        lambda: Writer(session.ledger, task, groups, session.clock.now, prepared=progress.prepared),
        feed,
        lambda: opened(service.options, online.in_flight),
        online.rate_limiter,
        progress,
        totals=totals,
        most_tokens=session.settings.specs.max_completion_tokens,
        ahead=max(online.in_flight, GROUP.requests),
        background=online.background if tier == "background" else None,
        wait=wait,
    )
    if not wait or tier != "background":
        collect_background(session, totals)
    captioner.caption()


def collect_background(session: Session, totals: RunTotals, *, cancel: bool = False) -> int:
    """Read the background responses that earlier runs left, each once; `cancel` them before. Gives
    how many they were."""
    if not any(is_online(one.batch_id) for one in session.ledger.batches.in_states("open")):
        return 0
    from pipeline.stages.online.background import collect_responses

    service = cast(AddressedService, session.context.service)
    opened, online = online_of(session.identity.provider), session.settings.online
    pace = replace(online.background, once=True, cancel=cancel)
    connect = functools.partial(opened, service.options, online.in_flight)
    return collect_responses(session.context, connect, pace, totals)


def find_our_batches(session: Session, totals: RunTotals) -> bool:
    """Reconcile with the service, once a run and before anything is sent, also online: an older
    copy of the ledger may have been restored. False: no answer, so nothing may be sent."""
    try:
        after_pauses(session.context, lambda: reconcile(session.context))
    except ServiceError as error:
        if session.online and error.status in _NO_BATCHES and not knows_batches(session.ledger):
            # a service without batches, or a key that may make none, has none of ours; or there
            # is no service at this address
            return _is_answering(session, totals)
        totals.fail(error)
        return False
    except NeedsPerson as error:
        totals.fail(error)
    return True


def _is_answering(session: Session, totals: RunTotals) -> bool:
    """Tell whether a service is at the address; else nothing may be sent."""
    from pipeline.providers.address_check import check_address

    service = cast(AddressedService, session.context.service)
    try:
        check_address(service.options, session.settings.specs.model)
    except AddressRefusal as error:
        totals.fail(error)
        return False
    return True


def knows_batches(ledger: Ledger) -> bool:
    """Tell whether the workspace has ever had a batch at the service, or may have one."""
    ids = ledger.batches.ids()
    return any(not is_online(name) for name in ids) or bool(ledger.shards.in_states("CREATING"))
