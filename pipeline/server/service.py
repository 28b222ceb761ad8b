"""All parts of one server, wired once. Routes reach them through here."""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pipeline.errors import Busy, StorageError
from pipeline.server.batch_store import BatchStore
from pipeline.server.books import Books
from pipeline.server.captioner import Captioner
from pipeline.server.clock import Clock
from pipeline.server.database import Database
from pipeline.server.executor import Executor
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import FaultPlan
from pipeline.server.file_store import FileStore
from pipeline.server.ids import IdGenerator
from pipeline.server.image_hosts import ImageHosts
from pipeline.server.lines import LineRunner
from pipeline.server.prices import PriceTable
from pipeline.server.publishing import Publisher
from pipeline.server.rates import RequestRates
from pipeline.server.responder import Responder
from pipeline.server.settings import Limits, Pace


@dataclass(frozen=True, slots=True)
class Orders:
    """What a server is built from. See `app.LoopbackServer` for the meaning of each."""

    state_dir: Path
    captioner: Captioner
    prices: PriceTable
    models: Collection[str]
    api_key: str | None
    pace: Pace
    limits: Limits
    faults: FaultPlan
    clock: Clock | None
    speed: float
    seed: str | None
    sites: ImageHosts


class Service:
    """A server's state and machinery, without HTTP."""

    def __init__(self, orders: Orders) -> None:
        """Open the state folder, or create it.

        Raises:
            StorageError: it cannot be used.
            Busy: another server uses it.
        """
        try:
            orders.state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot create {orders.state_dir}: {error.strerror}") from error
        self._lock = _lock(orders.state_dir / "server.lock")
        self.database = Database(orders.state_dir / "server.db")
        self.clock = orders.clock or _kept_clock(self.database, orders.speed)
        self.limits = orders.limits
        self.api_key = orders.api_key
        self.naming = IdGenerator(
            self.database.remember("seed", orders.seed or secrets.token_hex(16))
        )
        self.faults = FaultInjector(orders.faults, self.clock)
        self.books = Books(self.database)
        self.rates = RequestRates(orders.limits, self.clock)
        self.answerer = Responder(orders.captioner, orders.prices, orders.models, orders.sites)
        self.files = FileStore(
            orders.state_dir / "files", self.database, self.clock, self.naming, self.faults
        )
        self.batches = BatchStore(
            self.database, self.clock, self.naming, self.faults, orders.pace, orders.limits
        )
        self.publisher = Publisher(self.database, self.batches, self.files, self.naming, self.clock)
        self.executor = self._executor(orders)
        self._requests = itertools.count(1)
        self._start = secrets.token_hex(4)

    def _executor(self, orders: Orders) -> Executor:
        return Executor(
            database=self.database,
            batches=self.batches,
            files=self.files,
            books=self.books,
            runner=LineRunner(self.answerer, self.faults),
            publisher=self.publisher,
            naming=self.naming,
            clock=self.clock,
            pace=orders.pace,
            limits=orders.limits,
            threads=orders.captioner.threads,
        )

    def close(self) -> None:
        """Close the state, so that another server may use it."""
        self.database.close()
        fcntl.flock(self._lock, fcntl.LOCK_UN)  # a forked process may hold the descriptor too
        os.close(self._lock)

    def request_name(self) -> str:
        """A name for the next HTTP request, unlike that of any other start of this server."""
        return self.naming.token("request", f"{self._start}.{next(self._requests)}", 32)


def _lock(path: Path) -> int:
    """Lock the state folder; the lock ends with the process, however that ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Busy(f"another loopback server is running on {path.parent}") from error
    return descriptor


def _kept_clock(database: Database, speed: float) -> Clock:
    """The clock of this state folder: a restarted server's time goes on, jumps included."""
    fresh = Clock(speed=speed)
    real_origin = float(database.remember("clock.real_origin", repr(fresh.real_origin)))
    origin = float(database.remember("clock.origin", repr(fresh.origin)))
    clock = Clock(speed=speed, origin=origin, real_origin=real_origin)
    clock.on_jump(lambda: database.store("clock.origin", repr(clock.origin)))
    return clock


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
