"""Limits: how many downloads run at once, overall and from one host, and which hosts rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class HostLimit:
    """One host: lives as long as a download that knows it."""

    def __init__(self, per_host: int) -> None:
        self.slots = asyncio.Semaphore(per_host)
        self._rests_until = 0.0

    def rest(self, seconds: float) -> None:
        """Start no download from this host for so many seconds."""
        now = asyncio.get_running_loop().time()
        self._rests_until = max(self._rests_until, now + seconds)

    async def rested(self) -> None:
        """Wait until the host may be asked."""
        loop = asyncio.get_running_loop()
        while (seconds := self._rests_until - loop.time()) > 0:
            await asyncio.sleep(seconds)


class HostLimits:
    """Limits of all hosts that are being asked."""

    def __init__(self, total: int, per_host: int) -> None:
        self._per_host = per_host
        self._slots = asyncio.Semaphore(total)
        self._hosts: WeakValueDictionary[str, HostLimit] = WeakValueDictionary()

    def host(self, name: str) -> HostLimit:
        """Limit of the host of that name; hold it for as long as it matters."""
        limit = self._hosts.get(name)
        if limit is None:
            limit = self._hosts[name] = HostLimit(self._per_host)
        return limit

    @asynccontextmanager
    async def slot(self, host: HostLimit) -> AsyncIterator[None]:
        """Wait for a free slot at `host`; nobody waits for another host's."""
        async with host.slots:
            await host.rested()
            async with self._slots:
                yield
