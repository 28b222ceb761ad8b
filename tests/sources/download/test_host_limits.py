from __future__ import annotations

import asyncio
import gc
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.download.host_limits import HostLimits


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 5), st.integers(1, 3))
def test_never_more_at_once_than_allowed(names: list[str], total: int, per_host: int) -> None:
    at_work: Counter[str] = Counter()
    most: list[int] = [0]

    async def work(hosts: HostLimits, name: str) -> None:
        async with hosts.slot(hosts.host(name)):
            at_work[name] += 1
            assert at_work[name] <= per_host
            assert at_work.total() <= total
            most[0] = max(most[0], at_work.total())
            await asyncio.sleep(0)
            at_work[name] -= 1

    async def all_of_them() -> None:
        hosts = HostLimits(total, per_host)
        await asyncio.gather(*(work(hosts, name) for name in names))

    asyncio.run(all_of_them())
    possible = sum(min(count, per_host) for count in Counter(names).values())
    assert most[0] == min(total, possible)


def test_a_busy_host_does_not_hold_up_another() -> None:
    async def check() -> None:
        hosts = HostLimits(total=2, per_host=1)
        busy, free = hosts.host("busy"), hosts.host("free")
        async with hosts.slot(busy):
            waiting = [asyncio.create_task(_one_turn(hosts, "busy")) for _ in range(10)]
            await asyncio.sleep(0)
            async with asyncio.timeout(5), hosts.slot(free):
                pass
        await asyncio.gather(*waiting)

    asyncio.run(check())


async def _one_turn(hosts: HostLimits, name: str) -> float:
    host = hosts.host(name)
    async with hosts.slot(host):
        return asyncio.get_running_loop().time()


def test_a_resting_host_is_left_alone_and_others_are_not() -> None:
    async def check() -> None:
        hosts = HostLimits(total=1, per_host=2)
        resting = hosts.host("resting")
        now = asyncio.get_running_loop().time()
        resting.rest(0.05)
        resting.rest(0.01)  # the longer rest counts
        later = asyncio.create_task(_one_turn(hosts, "resting"))
        await asyncio.sleep(0)
        other = await _one_turn(hosts, "other")
        assert await later >= now + 0.05
        assert other < await later

    asyncio.run(check())


def test_hosts_that_nobody_asks_are_forgotten() -> None:
    async def check() -> None:
        hosts = HostLimits(total=1, per_host=1)
        for number in range(100):
            await _one_turn(hosts, f"host-{number}")
        gc.collect()
        assert len(hosts._hosts) <= 1

    asyncio.run(check())
