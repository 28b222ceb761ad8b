"""Requests in flight: an event loop in a thread of its own, fed with groups of requests.

The ledger stays with the caller's thread. What happens here leaves its trace in each group's
journal, so that being killed, being stopped and being done look the same afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from msgspec import Struct

from pipeline.core.online import answer_line, lost_line
from pipeline.core.rate_limit import RateLimiter
from pipeline.core.refusal_streak import RefusalStreak
from pipeline.errors import CaptionmillError, DefiniteRefusal, NeedsPerson, ServiceError
from pipeline.providers.base import HttpReply, OnlineService
from pipeline.stages.online.group import Group, Request

_NOTICED_PAUSE = 10.0  # seconds


class ServicePause(Struct, frozen=True):
    """Pause that people would notice: `seconds` for which nothing goes, because of `error`, when so
    many answers were `heard`."""

    error: CaptionmillError
    seconds: float
    heard: int


class Dispatcher:
    """Sends groups under a RateLimiter; `finished` returns those with nothing under way."""

    def __init__(self, connect: Callable[[], OnlineService], rate_limiter: RateLimiter) -> None:
        self.error: CaptionmillError | None = None
        self.bug: BaseException | None = None
        self.refusals = RefusalStreak()
        self.pause: ServicePause | None = None  # the latest, for the caller to take
        self.heard = 0  # answers of the service, whatever they say
        self.too_long_pause = 0.0  # seconds that the service asks for and nobody waits
        self.answered = 0
        self._connect, self._rate_limiter = connect, rate_limiter
        self._groups: deque[Group] = deque()
        self._open: dict[int, Group] = {}
        self._in_flight = 0
        self._stopping = self._over = False
        self._tasks: set[asyncio.Future[None]] = set()
        self._finished: queue.SimpleQueue[Group] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="online", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._call(self._end)
        self._thread.join()
        self._loop.close()

    @property
    def waiting(self) -> int:
        """Requests that were handed over and not sent yet."""
        return sum(len(group.requests) for group in tuple(self._groups))

    @property
    def open(self) -> int:
        """Groups that have not come back from `finished`."""
        return len(self._open)

    @property
    def only_awaits(self) -> bool:
        """Tell whether nothing is left to be sent and no request is on its way."""
        return not self.waiting and not self._in_flight

    def send(self, group: Group) -> None:
        """Take a group over; its reservation is durable."""
        self._open[group.row] = group
        self._call(lambda: self._take(group))

    def finished(self, seconds: float) -> Group | None:
        """Group that is over, None when none is within so many seconds."""
        try:
            group = self._finished.get(timeout=seconds) if seconds else self._finished.get_nowait()
        except queue.Empty:
            group = None
        if self.bug is not None:
            while self._open:  # the next run reads the journals
                self._open.popitem()[1].journal.close()
            raise self.bug
        if group is not None:
            self._open.pop(group.row).journal.close()
        return group

    def stop(self) -> None:
        """Send nothing more; what is under way is awaited, the groups come back as they are."""
        if self._thread.is_alive():
            self._call(self._abort)

    # -- in the loop's thread --------------------------------------------------------------------

    def _call(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._dispatch())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.bug = error

    def _take(self, group: Group) -> None:
        if self._stopping:
            self._finished.put(group)
            return
        self._groups.append(group)
        self._wake.set()

    def _end(self) -> None:
        self._over = True
        self._wake.set()

    def _abort(self) -> None:
        self._stopping = True
        for group in self._groups:
            group.requests.clear()
            group.pending.clear()
            self._check(group)
        self._groups.clear()
        self._wake.set()

    def _check(self, group: Group) -> None:
        """Give a group back when nothing of it can change any more."""
        if group.in_flight == 0 and (group.left == 0 or self._stopping):
            self._finished.put(group)

    async def _dispatch(self) -> None:
        service = self._connect()
        try:
            while self._busy() or not self._over:
                self._wake.clear()
                delay = await self._send_due(service)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), delay)
        finally:
            await service.close()

    def _busy(self) -> bool:
        """Tell whether anything is under way."""
        return self._in_flight > 0

    async def _send_due(self, service: OnlineService) -> float | None:
        """Send what may go now; gives the seconds until more may, None until something happens."""
        while self._groups:
            group = self._groups[0]
            self._go_on(service, group)
            batch, delay = self._pick(group)
            if not group.requests:
                self._groups.popleft()
            if batch:
                await self._mark(group, [name for name, _ in batch])
            for name, body in batch:
                task = asyncio.ensure_future(self._send(service, group, name, body))
                self._tasks.add(task)  # the loop itself holds tasks weakly
                task.add_done_callback(self._tasks.discard)
            if delay != 0.0:
                return delay
        return None

    def _pick(self, group: Group) -> tuple[list[Request], float | None]:
        """Requests of a group that may go now, and the delay of the next one."""
        batch: list[Request] = []
        while group.requests:
            if self._is_full():
                return batch, None
            now = self._loop.time()
            delay = self._rate_limiter.delay(now, group.tokens, self._in_flight)
            if delay != 0.0:
                return batch, delay
            self._rate_limiter.sent(now, group.tokens)
            self._in_flight += 1
            group.in_flight += 1
            batch.append(group.requests.popleft())
        return batch, 0.0

    async def _mark(self, group: Group, names: list[str]) -> None:
        """Make it durable that these requests go; where that fails, nothing goes."""
        try:
            await self._loop.run_in_executor(None, group.journal.about_to_send, names)
        except CaptionmillError as error:
            self._give_up(error)

    async def _send(
        self, service: OnlineService, group: Group, name: str, body: dict[str, Any]
    ) -> None:
        try:
            if self._stopping:
                group.journal.void(name)
            else:
                await self._ask(service, group, name, body)
        except CaptionmillError as error:  # the journal cannot be written
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a bug, shown where somebody waits
            self.bug = error
            self._abort()
        finally:
            self._in_flight -= 1
            group.in_flight -= 1
            self._check(group)
            self._wake.set()

    async def _ask(
        self, service: OnlineService, group: Group, name: str, body: dict[str, Any]
    ) -> None:
        try:
            reply = await service.ask(body)
        except DefiniteRefusal as error:
            self._refused(group, name, body, error)
        except ServiceError as error:
            self._rate_limiter.troubled(self._loop.time())
            self._note_pause(error)
            self._settle(group, lost_line(name, str(error)))
            page = error.status == 200 and not self.refusals.answers  # it is not the service
            if self._rate_limiter.given_up or page:
                self._give_up(error)
        else:
            self.heard += 1
            self.refusals.add(reply.status, reply.body)
            if self.refusals.ends_run:
                self._give_up(NeedsPerson(self.refusals.problem(over=False)))
            self._rate_limiter.answered(self._loop.time(), reply.headers, group.tokens)
            if not await self._is_accepted(service, group, name, reply):
                self._settle(group, answer_line(name, reply.status, reply.request_id, reply.body))

    # -- for services that answer later: see background_dispatcher -------------------------------

    def _go_on(self, service: OnlineService, group: Group) -> None:
        """Go on with what an earlier run left of a group."""

    def _is_full(self) -> bool:
        """Tell whether no further request may be under way."""
        return False

    async def _is_accepted(
        self, service: OnlineService, group: Group, name: str, reply: HttpReply
    ) -> bool:
        """Tell whether a reply is no answer yet: then it is awaited."""
        del service, group, name, reply
        return False

    def _settle(self, group: Group, line: bytes) -> None:
        group.journal.answered(line)
        group.left -= 1
        self.answered += 1

    def _refused(
        self, group: Group, name: str, body: dict[str, Any], error: DefiniteRefusal
    ) -> None:
        """Certainly no effect: it goes again after a pause, unless a person must act first."""
        group.journal.void(name)
        self._rate_limiter.refused(self._loop.time(), error.retry_after)
        self._note_pause(error)
        self.too_long_pause = self._rate_limiter.too_long_pause
        if isinstance(error, NeedsPerson) or self._rate_limiter.given_up:
            self._give_up(error)
        if self._stopping:
            return
        group.requests.appendleft((name, body))
        if group not in self._groups:
            self._groups.appendleft(group)

    def _note_pause(self, error: CaptionmillError) -> None:
        """Note what holds requests up for long, or again before any was answered."""
        seconds = self._rate_limiter.pause(self._loop.time())
        if seconds >= _NOTICED_PAUSE or self._rate_limiter.rounds > 1:
            self.pause = ServicePause(error, seconds, self.heard)

    def _give_up(self, error: CaptionmillError) -> None:
        self.error = self.error or error
        self._abort()
