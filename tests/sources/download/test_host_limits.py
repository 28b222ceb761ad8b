from __future__ import annotations

import asyncio
import gc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.download import Failure, refusal
from pipeline.sources.download.failures import DownloadRefused
from pipeline.sources.download.host_limits import HostLimits
from pipeline.sources.download.postponed import HostRests


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


def test_a_resting_host_is_left_alone_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    async def check() -> None:
        nonlocal now
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        hosts = HostLimits(total=1, per_host=2)
        resting = hosts.host("resting")
        with pytest.raises(HostRests) as rest:
            hosts.asked_for_pause(resting, 0.05, 0.01)
        assert rest.value.refused
        assert 0 < rest.value.seconds <= 0.05
        with pytest.raises(HostRests) as rest:
            await _one_turn(hosts, "resting")
        assert not rest.value.refused
        await _one_turn(hosts, "other")
        now += 0.06
        await _one_turn(hosts, "resting")

    asyncio.run(check())


def test_a_host_in_trouble_is_remembered_and_said_once() -> None:
    async def check() -> None:
        sentences: list[str] = []
        hosts = HostLimits(1, 1, sentences.append)
        with pytest.raises(DownloadRefused, match="a pause of 120 s"):
            hosts.asked_for_pause(hosts.host("busy"), 120, 1)
        gc.collect()
        for _ in range(2):
            with pytest.raises(DownloadRefused, match="a pause of 120 s"):
                await _one_turn(hosts, "busy")
        assert sentences == [
            "busy is left alone until the next run: the host wants to be asked later: "
            "the host asks for a pause of 120 s"
        ]
        ill = hosts.host("ill")
        hosts.failed(ill, Failure(refusal("timeout"), passing=True))
        assert "ill" in hosts._ailing
        hosts.answered(ill)
        assert "ill" not in hosts._ailing

    asyncio.run(check())


def test_hosts_that_nobody_asks_are_forgotten() -> None:
    async def check() -> None:
        hosts = HostLimits(total=1, per_host=1)
        for number in range(100):
            await _one_turn(hosts, f"host-{number}")
        gc.collect()
        assert len(hosts._hosts) <= 1

    asyncio.run(check())
