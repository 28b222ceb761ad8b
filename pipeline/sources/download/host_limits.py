"""Turns: how many downloads run at once, overall and from one host, and which hosts rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class HostLimit:
    """One host: lives as long as a download that knows it."""

    def __init__(self, per_host: int) -> None:
        self.turns = asyncio.Semaphore(per_host)
        self._rests_until = 0.0

    def rest(self, seconds: float) -> None:
        """Start nothing new here for so long."""
        now = asyncio.get_running_loop().time()
        self._rests_until = max(self._rests_until, now + seconds)

    async def rested(self) -> None:
        """Wait until the host may be asked."""
        loop = asyncio.get_running_loop()
        while (left := self._rests_until - loop.time()) > 0:
            await asyncio.sleep(left)


class HostLimits:
    """All hosts that are being asked."""

    def __init__(self, total: int, per_host: int) -> None:
        self._per_host = per_host
        self._turns = asyncio.Semaphore(total)
        self._hosts: WeakValueDictionary[str, HostLimit] = WeakValueDictionary()

    def host(self, name: str) -> HostLimit:
        """The host of that name; keep it for as long as it matters."""
        found = self._hosts.get(name)
        if found is None:
            found = self._hosts[name] = HostLimit(self._per_host)
        return found

    @asynccontextmanager
    async def turn(self, host: HostLimit) -> AsyncIterator[None]:
        """Wait for a turn at `host`; waiting for a busy host keeps nobody else from theirs."""
        async with host.turns:
            await host.rested()
            async with self._turns:
                yield
