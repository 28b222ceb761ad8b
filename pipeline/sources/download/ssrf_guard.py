"""Guard against forged requests: every address is judged when a connection is made to it.

A name is looked up once for a connection, all its addresses are judged, and exactly those are
connected to: an answer that changes between check and connection changes nothing. The socket is
made only for a judged address, whoever asks for it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from pipeline.core.address import AddressRules, forbidden

HostResolver = Callable[[str], Sequence[str]]
"""Addresses of a host name; raises OSError (socket.gaierror) when there are none. May block."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_MAX_THREADS = 64


class ForbiddenAddress(OSError):
    """Refusal to connect. `reason` follows the word "is"."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} is {reason}")


def system_resolver(host: str) -> list[str]:
    """Addresses by the operating system: hosts file and name servers."""
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(sockaddr[0]) for *_, sockaddr in infos]


class SsrfGuard(AbstractResolver):
    """Resolver and socket factory of a connector, both keeping the same rules."""

    def __init__(self, rules: AddressRules, resolve_host: HostResolver, at_once: int) -> None:
        self._rules = rules
        self._resolve_host = resolve_host
        # resolving a dead name blocks for long, and must not hold up the disk's threads
        self._threads = ThreadPoolExecutor(min(at_once, _MAX_THREADS), "resolve")

    def check(self, address: str) -> None:
        """Judge an address; raises ForbiddenAddress."""
        reason = forbidden(address, self._rules)
        if reason is not None:
            raise ForbiddenAddress(address, reason)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve all addresses of a host, all of them allowed.

        A public and a forbidden address under one name is how rebinding is prepared, so one
        forbidden address forbids the name.

        Raises:
            ForbiddenAddress: one is forbidden.
            OSError: there is none.
        """
        del family
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(self._threads, self._resolve_host, host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        for address in addresses:
            self.check(address)
        return [_resolved(host, address, port) for address in addresses]

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Socket for one entry of `getaddrinfo`, the last moment before connecting.

        Raises:
            ForbiddenAddress: its address is forbidden.
        """
        family, kind, protocol, _, sockaddr = info
        self.check(str(sockaddr[0]))
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """End the threads without waiting for names that are being resolved."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
        "proto": socket.IPPROTO_TCP,
        "flags": _NUMERIC,
    }
