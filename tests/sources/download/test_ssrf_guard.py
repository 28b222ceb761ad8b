from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from pipeline.core.address import PUBLIC_ONLY, AddressRules
from pipeline.sources.download.ssrf_guard import ForbiddenAddress, SsrfGuard, system_resolver
from tests.sources.download.site import Contacts


def resolved(guard: SsrfGuard, host: str = "name.example") -> list[tuple[str, int, int]]:
    async def check() -> list[tuple[str, int, int]]:
        try:
            return [(r["host"], r["port"], r["family"]) for r in await guard.resolve(host, 80)]
        finally:
            await guard.close()

    return asyncio.run(check())


def guard(*addresses: str, rules: AddressRules = PUBLIC_ONLY) -> SsrfGuard:
    return SsrfGuard(rules, lambda _host: addresses, at_once=2)


def test_public_addresses_are_given_as_they_are() -> None:
    assert resolved(guard("1.1.1.1", "2606:4700::1111")) == [
        ("1.1.1.1", 80, socket.AF_INET),
        ("2606:4700::1111", 80, socket.AF_INET6),
    ]


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("1.1.1.1", "10.0.0.1"),
        ("2606:4700::1111", "1.1.1.1", "::ffff:169.254.169.254"),
        ("fe80::1%2",),
        ("not an address",),
    ],
)
def test_one_forbidden_address_forbids_the_name(addresses: tuple[str, ...]) -> None:
    with pytest.raises(ForbiddenAddress, match=addresses[-1]):
        resolved(guard(*addresses))


def test_a_name_without_addresses_is_a_name_error() -> None:
    with pytest.raises(socket.gaierror):
        resolved(guard())


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_what_the_system_makes_of_a_name_is_judged(host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="this machine"):
        resolved(SsrfGuard(PUBLIC_ONLY, system_resolver, at_once=1), host)


@pytest.mark.parametrize(
    ("family", "sockaddr"),
    [
        (socket.AF_INET, ("127.0.0.2", 80)),
        (socket.AF_INET, ("169.254.169.254", 80)),
        (socket.AF_INET6, ("::1", 80, 0, 0)),
        (socket.AF_INET6, ("::ffff:10.0.0.1", 80, 0, 0)),
        (socket.AF_UNIX, "/run/docker.sock"),
    ],
)
def test_no_socket_is_made_for_a_forbidden_address(
    family: int, sockaddr: tuple[object, ...] | str, contacts: Contacts
) -> None:
    rules = AddressRules.of(allowed=("127.0.0.1",))
    with pytest.raises(ForbiddenAddress):
        guard(rules=rules).socket((family, socket.SOCK_STREAM, 0, "", sockaddr))
    assert contacts.addresses == []


@pytest.fixture
def made() -> Iterator[socket.socket]:
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 80))
    with guard().socket(info) as found:
        yield found


def test_a_socket_is_made_for_a_public_address(made: socket.socket) -> None:
    assert made.family == socket.AF_INET
