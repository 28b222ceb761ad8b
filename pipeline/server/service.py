"""Parts of one server, made once; routes reach them through `SERVICE`."""

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
from pipeline.server.background import BackgroundResponses
from pipeline.server.batch_store import BatchStore
from pipeline.server.bill import Bill
from pipeline.server.captioner import Captioner
from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
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
from pipeline.server.settings import AccountLimits, BatchDurations


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Arguments of `app.LoopbackServer`, resolved; see there for their meaning."""

    state_dir: Path
    captioner: Captioner
    prices: PriceTable
    models: Collection[str]
    api_key: str | None
    durations: BatchDurations
    limits: AccountLimits
    faults: FaultPlan
    clock: ServerClock | None
    speed: float
    seed: str | None
    sites: ImageHosts


class Service:
    """Server's state and machinery, without HTTP."""

    def __init__(self, options: ServerOptions) -> None:
        """Open the state folder, or create it.

        Raises:
            StorageError: it cannot be used.
            Busy: another server uses it.
        """
        try:
            options.state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot create {options.state_dir}: {error.strerror}") from error
        self._lock = _lock(options.state_dir / "server.lock")
        self.database = ServerDatabase(options.state_dir / "server.db")
        self.clock = options.clock or _persistent_clock(self.database, options.speed)
        self.limits = options.limits
        self.api_key = options.api_key
        self.ids = IdGenerator(
            self.database.remember("seed", options.seed or secrets.token_hex(16))
        )
        self.faults = FaultInjector(options.faults, self.clock)
        self.bill = Bill(self.database)
        self.rates = RequestRates(options.limits, self.clock)
        self.responder = Responder(options.captioner, options.prices, options.models, options.sites)
        self.files = FileStore(
            options.state_dir / "files", self.database, self.clock, self.ids, self.faults
        )
        self.batches = BatchStore(
            self.database, self.clock, self.ids, self.faults, options.durations, options.limits
        )
        self.publisher = Publisher(self.database, self.batches, self.files, self.ids, self.clock)
        self.executor = self._executor(options)
        self.background = BackgroundResponses(
            self.database, self.clock, self.responder, self.faults, self.bill, options.durations
        )
        self._requests = itertools.count(1)
        self._start = secrets.token_hex(4)

    def _executor(self, options: ServerOptions) -> Executor:
        return Executor(
            database=self.database,
            batches=self.batches,
            files=self.files,
            bill=self.bill,
            runner=LineRunner(self.responder, self.faults),
            publisher=self.publisher,
            ids=self.ids,
            clock=self.clock,
            durations=options.durations,
            limits=options.limits,
            threads=options.captioner.threads,
        )

    def close(self) -> None:
        """Close the state, so that another server may use it."""
        self.database.close()
        fcntl.flock(self._lock, fcntl.LOCK_UN)  # a forked process may hold the descriptor too
        os.close(self._lock)

    def request_name(self) -> str:
        """Name for the next HTTP request, unlike that of any other start of this server."""
        return self.ids.token("request", f"{self._start}.{next(self._requests)}", 32)


def _lock(path: Path) -> int:
    """Lock the state folder; the lock ends with the process, however that ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Busy(f"another loopback server is running on {path.parent}") from error
    return descriptor


def _persistent_clock(database: ServerDatabase, speed: float) -> ServerClock:
    """Clock of this state folder: a restarted server's time goes on, jumps included."""
    fresh = ServerClock(speed=speed)
    real_origin = float(database.remember("clock.real_origin", repr(fresh.real_origin)))
    origin = float(database.remember("clock.origin", repr(fresh.origin)))
    clock = ServerClock(speed=speed, origin=origin, real_origin=real_origin)
    clock.on_jump(lambda: database.store("clock.origin", repr(clock.origin)))
    return clock


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
