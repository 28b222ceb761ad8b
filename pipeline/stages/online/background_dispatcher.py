"""Requests that are accepted at once and answered later: each answer is read by its id."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable

from pipeline.core.background import BackgroundPace, unfinished_response
from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import CaptionmillError
from pipeline.providers.base import HttpReply, OnlineService
from pipeline.stages.online.awaited import awaited_line
from pipeline.stages.online.dispatcher import Dispatcher
from pipeline.stages.online.group import Group


class BackgroundDispatcher(Dispatcher):
    """Dispatcher that awaits background responses; when it is stopped they stay to be read.

    The rate limiter counts requests until they are accepted, `pace.most` bounds those that are
    awaited.
    """

    def __init__(
        self,
        connect: Callable[[], OnlineService],
        rate_limiter: RateLimiter,
        pace: BackgroundPace,
    ) -> None:
        super().__init__(connect, rate_limiter)
        self._pace = pace
        self._waits: set[asyncio.Future[None]] = set()
        self._deletions: set[asyncio.Future[None]] = set()
        self._service: OnlineService | None = None

    def delete(self, response_ids: list[str]) -> None:
        """Delete responses that are booked; what cannot be deleted expires at the service."""
        self._call(functools.partial(self._delete, response_ids))

    # -- in the loop's thread --------------------------------------------------------------------

    def _go_on(self, service: OnlineService, group: Group) -> None:
        while group.pending:
            self._await(service, group, *group.pending.popitem())

    def _is_full(self) -> bool:
        return self._in_flight + len(self._waits) >= self._pace.most

    def _busy(self) -> bool:
        return super()._busy() or bool(self._waits or self._deletions)

    def _abort(self) -> None:
        super()._abort()
        for wait in self._waits:
            wait.cancel()

    def _check(self, group: Group) -> None:
        if self._pace.once and group.in_flight == 0:
            self._finished.put(group)
        else:
            super()._check(group)

    async def _is_accepted(
        self, service: OnlineService, group: Group, name: str, reply: HttpReply
    ) -> bool:
        response_id = unfinished_response(reply.body)
        if response_id:
            journal = group.journal
            await self._loop.run_in_executor(None, journal.accepted, name, response_id)
            self._await(service, group, name, response_id)
        return bool(response_id)

    def _await(self, service: OnlineService, group: Group, name: str, response_id: str) -> None:
        """Read a response until it is over; it is under way in its group until then."""
        self._service = service
        group.in_flight += 1
        wait = asyncio.ensure_future(self._awaiting(service, group, name, response_id))
        self._waits.add(wait)
        wait.add_done_callback(functools.partial(self._is_over, group))
        if self._stopping:
            wait.cancel()

    async def _awaiting(
        self, service: OnlineService, group: Group, name: str, response_id: str
    ) -> None:
        try:
            line = await awaited_line(service, name, response_id, self._pace)
            if line:
                self.heard += 1
                self._settle(group, line)
        except CaptionmillError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a bug, shown where somebody waits
            self.bug = error
            self._abort()

    def _is_over(self, group: Group, wait: asyncio.Future[None]) -> None:
        """Note that a response is not awaited any more: answered, given up or cancelled."""
        self._waits.discard(wait)
        group.in_flight -= 1
        self._check(group)
        self._wake.set()

    def _delete(self, response_ids: list[str]) -> None:
        service = self._service
        if service is None or not response_ids:
            return
        task = asyncio.ensure_future(_deleted(service, response_ids))
        self._deletions.add(task)
        task.add_done_callback(self._deletions.discard)
        task.add_done_callback(lambda _task: self._wake.set())


async def _deleted(service: OnlineService, response_ids: list[str]) -> None:
    for response_id in response_ids:
        with contextlib.suppress(CaptionmillError):
            await service.delete(response_id)
