"""Workers of a cluster: which of them are used, why others are not, and what they are at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pipeline.core.words import counted
from pipeline.engines.handshake import PROBE, difference, own_versions
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

_SHAKING = 8  # handshakes at once
_SETTLE_SECONDS = 3.0  # in which a usable worker may still come after those that are not
_SHOW_SECONDS = 2.0


class WorkerFacts(Struct, frozen=True):
    """Worker as the scheduler sees it.

    Attributes:
        threads: chunks that it prepares at once.
        memory, memory_limit: bytes of its process; a limit of 0 is none.
    """

    address: str
    threads: int
    memory: int
    memory_limit: int


def _ignore(_value: object) -> None:
    """Drop the event."""


class WorkersWatch(Struct, frozen=True):
    """Listener to what becomes of the workers of a run.

    Attributes:
        say: shows one sentence to the user.
        show: called now and then with the address of the scheduler and the workers in use.
        check_stop: raises when a person wants to stop.
    """

    say: Callable[[str], None] = _ignore
    show: Callable[[str, list[WorkerFacts]], None] = lambda _address, _workers: None
    check_stop: Callable[[], None] = lambda: None


class Workers:
    """Workers of one scheduler; those that have shaken hands are used."""

    def __init__(self, address: str, watch: WorkersWatch) -> None:
        self._address, self._watch = address, watch
        self._own = own_versions()
        self._listed: dict[str, WorkerFacts] = {}
        self._sound: set[str] = set()
        self._barred: dict[str, str] = {}
        self._notices: set[str] = set()
        self._threads: ThreadPoolExecutor | None = None
        self._shaking: dict[str, Future[object]] = {}
        self._changed = time.monotonic()
        self._shown = 0.0

    def usable(self) -> frozenset[str]:
        """Addresses of the workers in use."""
        return frozenset(self._sound & self._listed.keys() - self._barred.keys())

    def threads(self) -> int:
        """Threads of the workers in use."""
        return sum(self._listed[address].threads for address in self.usable())

    def update(self, client: Client, listed: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in the scheduler's list, and shake hands with new workers.

        Raises:
            UsageError: there are workers, and none of them can be used.
        """
        before = self._listed.keys()
        self._listed = {address: _facts(address, facts) for address, facts in listed.items()}
        if self._listed.keys() != before:
            self._changed = time.monotonic()
        self._shake_hands(client)
        self._raise_if_all_are_barred()
        self._show()

    def bar(self, address: str, why: str) -> None:
        """Stop using a worker, and say why, once for each reason.

        Raises:
            UsageError: none is left.
        """
        self._barred[address] = why
        if why not in self._notices:
            self._notices.add(why)
            self._watch.say(f"the worker {address} is not used: {why}")
        self._raise_if_all_are_barred()

    def described(self) -> str:
        """Clause about the workers: how many are in use, and which are not and why."""
        if not self._listed:
            return f"the scheduler at {self._address} has no workers; start some with 'dask worker'"
        usable = self.usable()
        parts = [f"{counted(len(usable), 'worker')} of {self._address} in use"]
        parts += [f"{address} is not used: {why}" for address, why in self._now_barred().items()]
        shaking = self._listed.keys() - usable - self._barred.keys()
        parts += [f"{address} does not answer" for address in sorted(shaking)]
        return "; ".join([*parts[:5], *(["..."] if len(parts) > 5 else [])])

    def lost(self) -> None:
        """Forget all workers: their scheduler is gone, and they with it."""
        self._listed, self._sound, self._barred = {}, set(), {}
        self._end_handshakes()

    def leave(self) -> None:
        """Forget all workers, and show that none is in use any more."""
        self.lost()
        self._watch.show(self._address, [])

    def _shake_hands(self, client: Client) -> None:
        """Begin handshakes with new workers, take note of those that are done. One worker that
        does not answer keeps nobody else waiting."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_SHAKING, thread_name_prefix="captionmill-shake")
        new = self._listed.keys() - self._sound - self._barred.keys() - self._shaking.keys()
        for address in new:
            self._shaking[address] = self._threads.submit(_versions_of, client, address)
        for address in [address for address, future in self._shaking.items() if future.done()]:
            why = difference(self._own, self._shaking.pop(address).result())
            if address not in self._listed:
                continue
            if why:
                self.bar(address, why)
            else:
                self._sound.add(address)

    def _end_handshakes(self) -> None:
        self._shaking.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _now_barred(self) -> dict[str, str]:
        return {one: why for one, why in sorted(self._barred.items()) if one in self._listed}

    def _raise_if_all_are_barred(self) -> None:
        barred = self._now_barred()
        settled = time.monotonic() - self._changed > _SETTLE_SECONDS
        if barred and settled and len(barred) == len(self._listed):
            why = next(iter(barred.values()))
            raise UsageError(
                f"none of the {counted(len(barred), 'worker')} at {self._address} can be used: "
                f"{next(iter(barred))}: {why}"
            )

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown >= _SHOW_SECONDS:
            self._shown = now
            self._watch.show(self._address, [self._listed[one] for one in sorted(self.usable())])


def _versions_of(client: Client, address: str) -> object:
    """Answer of a worker to the probe, in a thread of its own."""
    try:
        return client.run(eval, PROBE, workers=[address], on_error="return")[address]
    except Exception as error:  # noqa: BLE001 (whatever another version answers)
        return error


def _facts(address: str, facts: Mapping[str, Any]) -> WorkerFacts:
    metrics = facts.get("metrics") or {}
    return WorkerFacts(
        address,
        int(facts.get("nthreads") or 1),
        int(metrics.get("memory") or 0),
        int(facts.get("memory_limit") or 0),
    )
