"""Limits: how many downloads run at once, overall and from one host, and which hosts rest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from pipeline.core.download import Failure
from pipeline.core.host_health import HostHealth
from pipeline.sources.download.failures import DownloadRefused
from pipeline.sources.download.postponed import HostRests

_MOST_AILING = 100_000  # hosts in trouble that are remembered; a list has a few


_MOST_SENTENCES = 50
_WORTH_SAYING = 5.0  # seconds of a pause


class HostLimit:
    """One host: lives as long as a download that knows it, or as long as it is in trouble."""

    def __init__(self, name: str, per_host: int) -> None:
        self.name = name
        self.slots = asyncio.Semaphore(per_host)
        self.health = HostHealth()
        self.left_alone = False

    def check(self) -> None:
        """Raise HostRests or DownloadRefused where the host may not be asked."""
        if self.health.closed is not None:
            raise DownloadRefused(self.health.closed)
        seconds = self.health.wait_seconds(asyncio.get_running_loop().time())
        if seconds > 0:
            raise HostRests(self.name, seconds)


class HostLimits:
    """Limits of all hosts that are being asked."""

    def __init__(
        self, total: int, per_host: int, tell: Callable[[str], None] = lambda _sentence: None
    ) -> None:
        """Take the limits, and who is told of hosts that rest or are left alone."""
        self._tell = tell
        self._sentences = 0
        self._per_host = per_host
        self._slots = asyncio.Semaphore(total)
        self._hosts: WeakValueDictionary[str, HostLimit] = WeakValueDictionary()
        self._ailing: OrderedDict[str, HostLimit] = OrderedDict()

    def host(self, name: str) -> HostLimit:
        """Limit of the host of that name; hold it for as long as it matters."""
        limit = self._hosts.get(name)
        if limit is None:
            limit = self._hosts[name] = HostLimit(name, self._per_host)
        return limit

    def answered(self, host: HostLimit) -> None:
        """Note an answer of a host that is no sign of trouble."""
        host.health.answered()
        if host.health.is_well:
            self._ailing.pop(host.name, None)

    def asked_for_pause(self, host: HostLimit, seconds: float | None, first_pause: float) -> None:
        """Note that a host asks for a pause; None: it does not say how long.

        Raises:
            HostRests, DownloadRefused: what follows for whoever asked.
        """
        health, now = host.health, asyncio.get_running_loop().time()
        rested = health.wait_seconds(now) <= 0
        health.asked_for_pause(seconds, first_pause, now)
        self._remember(host)
        if rested and health.closed is None and health.wait_seconds(now) >= _WORTH_SAYING:
            self._say(f"{host.name} asks for a pause of {health.wait_seconds(now):.0f} s")
        try:
            host.check()
        except HostRests as rest:
            raise HostRests(rest.host, rest.seconds, refused=True) from None

    def failed(self, host: HostLimit, failure: Failure) -> Failure:
        """Note a try that failed; gives the failure that counts."""
        host.health.failed(failure)
        self._remember(host)
        return host.health.closed or failure

    @asynccontextmanager
    async def slot(self, host: HostLimit) -> AsyncIterator[None]:
        """Wait for a free slot at `host`; hosts do not wait for each other.

        Raises:
            HostRests, DownloadRefused: it may not be asked now, or not in this run.
        """
        host.check()
        async with host.slots:
            host.check()
            async with self._slots:
                yield

    def _remember(self, host: HostLimit) -> None:
        closed = host.health.closed
        if closed is not None and not host.left_alone:
            host.left_alone = True
            self._say(f"{host.name} is left alone until the next run: {closed.rejection.detail}")
        if not host.health.is_well:
            self._ailing[host.name] = host
            if len(self._ailing) > _MOST_AILING:
                self._ailing.popitem(last=False)

    def _say(self, sentence: str) -> None:
        self._sentences += 1
        if self._sentences <= _MOST_SENTENCES:
            self._tell(sentence)
