"""A data set, a loopback server that stands for OpenAI, and runs of the product against it.

The server's own bill is the judge: see `Rig.check`.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.commands.run import run
from pipeline.config import Config, load_config
from pipeline.engines.inline import InlineEngine
from pipeline.engines.spool import SpoolEngine, SpoolLimits
from pipeline.imaging.prepare import Preparer
from pipeline.ledger import Ledger, charges
from pipeline.server.app import LoopbackServer
from pipeline.server.batch_store import state_of
from pipeline.server.lifecycle import Wait, next_batch_step
from pipeline.server.settings import BatchDurations
from pipeline.session import engines
from pipeline.session.report import Report
from pipeline.sources.named_places import Named
from pipeline.storage import Readers
from pipeline.system.workspace import Workspace

KEY = "sk-rig-0123456789abcdef"
MODEL = "gpt-6-luna"


def picture(path: Path, seed: int, size: tuple[int, int] = (48, 32)) -> Path:
    """A small picture of its own: same seed, same pixels."""
    chance = random.Random(seed)
    image = Image.new("RGB", size, tuple(chance.randrange(256) for _ in range(3)))
    for _ in range(24):
        spot = (chance.randrange(size[0]), chance.randrange(size[1]))
        image.putpixel(spot, tuple(chance.randrange(256) for _ in range(3)))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


class Rig:
    """One data set and one workspace."""

    def __init__(
        self, root: Path, server: LoopbackServer, durations: BatchDurations | None = None
    ) -> None:
        self.server = server
        self._durations = durations or BatchDurations()
        self.data = root / "imgs"
        self.data.mkdir()
        self.workspace = Workspace(root / "ws")
        self.said: list[str] = []

    def add(self, *names: str, first: int = 0) -> None:
        """Put distinct pictures into the data set."""
        for number, name in enumerate(names):
            picture(self.data / name, first + number)

    def config(self, **overrides: object) -> Config:
        """The default configuration with the server as OpenAI; keys with __ for dots."""
        base: dict[str, object] = {
            "workspace": str(self.workspace.root),
            "provider.name": "openai",
            "provider.base_url": self.server.base_url,
            "provider.model": MODEL,
            "batch.poll_seconds": 1,
            "batch.grace_seconds": 0,
            "batch.listings_apart_seconds": 0,
        }
        return load_config(None, base | {k.replace("__", "."): v for k, v in overrides.items()})

    def run(
        self,
        *,
        wait: bool = True,
        yes: bool = True,
        data: Named = None,
        manifest: Named = None,
        **overrides: object,
    ) -> Report:
        """One run of the product, over the rig's folder or what is given."""
        return run(
            self.config(**overrides),
            data or (None if manifest else self.data),
            manifest=manifest,
            wait=wait,
            confirm=lambda _question: yes,
            say=self.said.append,
        )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, to read."""
        with Ledger(self.workspace.ledger, read_only=True) as ledger:
            yield ledger

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock, and wait until it has done all that is due by then: its batches
        run in a thread of their own, and a single look would find them unfinished."""
        service = self.server.service
        service.clock.advance(seconds)
        deadline = time.monotonic() + 60
        while any(self._is_due(row) for row in service.batches.unfinished()):
            assert time.monotonic() < deadline, "the service does not do what is due"
            service.executor.wake()
            time.sleep(0.01)

    def _is_due(self, row: sqlite3.Row) -> bool:
        step = next_batch_step(state_of(row), self.server.clock.now(), self._durations)
        return not isinstance(step, Wait)

    def table(self) -> list[dict[str, Any]]:
        """The rows of the Parquet table."""
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(self.workspace.table).to_pylist()
        return rows

    def outcomes(self) -> Counter[str]:
        """Rows of the table by outcome."""
        return Counter(row["outcome"] for row in self.table())

    def posts(self, path: str | None = "/v1/batches") -> int:
        """POST requests that the server has seen: of one path, or of all (None)."""
        seen = self.server.bill.requests("POST")
        return len([request for request in seen if path in (None, request.path)])

    def check(self, *, at_rest: bool = True) -> None:
        """The promises: nothing billed twice, one outcome an image, books equal to the bill."""
        books = self.server.bill
        assert not books.billed_again()
        with self.ledger() as ledger:
            totals = ledger.reservations.totals()
            assert books.total_nano() <= totals.charged + totals.reserved
            assert sum(ledger.rows.outcomes().values()) == ledger.rows.images()
            if at_rest:
                assert totals.charged == books.total_nano() == ledger.audit.sums()[1]
                assert totals.charged == charged(ledger)
                assert totals.reserved == 0


def charged(ledger: Ledger) -> int:
    """The sum of the table of charges, nano-dollars."""
    cost = charges.COLUMNS.index("charged_cost")
    pages = charges.Charges(ledger.database).table()
    return sum(int(str(row[cost] or 0)) for page in pages for row in page)


@contextmanager
def open_rig(root: Path, monkeypatch: pytest.MonkeyPatch, **server: Any) -> Iterator[Rig]:
    """A rig whose images are prepared in this process; `server` goes to the LoopbackServer."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(
        engines,
        "files_engine",
        lambda limits, recipe, known: SpoolEngine(
            InlineEngine(Preparer(recipe, known)),
            Readers(limits.storage),
            SpoolLimits(recipe.caps.max_file_bytes),
        ),
    )
    options: dict[str, Any] = {"captioner": "echo", "api_key": KEY, "seed": "7"} | server
    with LoopbackServer(root / "server", **options) as running:
        yield Rig(root, running, options.get("durations"))


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A service that answers at once."""
    with open_rig(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def slow_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A service whose batches take an hour of its own clock: `rig.pass_time`."""
    with open_rig(tmp_path, monkeypatch, durations=BatchDurations(run=3600)) as opened:
        yield opened
