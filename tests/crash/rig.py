"""A workspace, a folder of images and a server with its bill: one world for one case."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import FaultPlan
from pipeline.server.settings import AccountLimits, BatchDurations
from tests.crash.child import KEY, Task
from tests.crash.judge import Judge
from tests.crash.keeper import Keeper
from tests.crash.pictures import fill
from tests.crash.sharedtime import JudgeClock, SharedTime
from tests.crash.zygote import HUNG, Zygote

USD = 1_000_000_000
KILLED = -signal.SIGKILL
_MEMORY = Path("/dev/shm")
_ROUNDS = 8
_DURATIONS = BatchDurations(validate=0.1, line=0.2, finalize=0.1)


class World:
    """Everything of one case; a context manager that leaves nothing behind."""

    def __init__(
        self,
        zygote: Zygote,
        images: Mapping[str, int] | int = 6,
        *,
        settings: Mapping[str, object] | None = None,
        cap: int | None = 10 * USD,
        faults: FaultPlan | None = None,
        durations: BatchDurations = _DURATIONS,
        limits: AccountLimits | None = None,
        mutant: str | None = None,
    ) -> None:
        self._zygote = zygote
        self.mutant = mutant
        folder = _MEMORY if _MEMORY.is_dir() else None
        self.root = Path(tempfile.mkdtemp(prefix="captionmill-crash-", dir=folder))
        self.data, self.workspace = self.root / "images", self.root / "ws"
        self.output = self.root / "output.txt"
        self.config = self.root / "config.toml"  # empty: the defaults of the code
        self.config.touch()
        self.data.mkdir()
        names = {f"{n}.jpg": n for n in range(images)} if isinstance(images, int) else images
        fill(self.data, dict(names))
        self.time = SharedTime(self.root / "clock")
        self.server = LoopbackServer(
            self.root / "service",
            captioner="echo",
            api_key=KEY,
            clock=JudgeClock(self.time),
            faults=faults,
            durations=durations,
            limits=limits,
            seed="crash",
        )
        self.cap = cap
        self.captions: dict[str, str] = {}
        self.settings: dict[str, object] = {"batch.max_requests": 2, **(settings or {})}
        self.server.start()
        self.keeper = Keeper(self.root / "keeper", self.skip)
        self.judge = Judge(self)
        self.keeper.looked = self.judge.look

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.keeper.close()
        self.server.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def expected(self, content_id: str, width: int, height: int) -> str:
        """What the server says about a picture."""
        return self.captions.get(content_id, f"echo {content_id[:12]} {width}x{height}")

    # -- time and files ------------------------------------------------------------------------

    def skip(self, seconds: float) -> None:
        """Let time go by, for everybody."""
        self.server.clock.advance(seconds)

    def serve(self) -> None:
        """Wait until the service has done what is due by its clock."""
        service = self.server.service
        for _ in range(500):
            if not service.batches.unfinished():
                return
            service.executor.wake()
            time.sleep(0.01)

    def add(self, names: Mapping[str, int]) -> None:
        """Put further images into the folder."""
        fill(self.data, dict(names))

    @property
    def said(self) -> str:
        """Everything that the product has printed."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def restore(self, copy: Path) -> None:
        """Put an older copy of the ledger in the place of the present one."""
        self.judge.rows_may_shrink = True
        for path in self.workspace.glob("ledger.db*"):
            path.unlink()
        for path in copy.glob("ledger.db*"):
            shutil.copy(path, self.workspace / path.name)

    def go_back(self, copy: Path) -> None:
        """Restore an older copy, where one was made, and run: the books are whole again."""
        if copy.exists():
            self.judge.ledger_is_whole = False
            self.restore(copy)
            self.run()
            self.judge.ledger_is_whole = True

    def lose_ledger(self) -> None:
        """The ledger is gone, with its journal."""
        self.judge.ledger_is_whole = False
        self.judge.rows_may_shrink = True
        for path in self.workspace.glob("ledger.db*"):
            path.unlink()

    # -- running -------------------------------------------------------------------------------

    def task(self, *verb: str, **more: object) -> Task:
        """A run of the product as it is configured now."""
        settings = {
            "workspace": str(self.workspace),
            "provider.name": "openai",
            "provider.base_url": self.server.base_url,
            "batch.upload_expires_after": "30d",
            **self.settings,
        }
        arguments = list(verb or ("run", str(self.data), "--yes"))
        if self.cap is not None:
            settings["budget.lifetime"] = f'"{self.cap / USD:.9f}"'
        arguments += ["--config", str(self.config)]
        for key, value in settings.items():
            arguments += ["--set", f"{key}={_toml(value)}"]
        task = Task(
            arguments=tuple(arguments),
            clock=self.root / "clock",
            keeper=self.root / "keeper",
            output=self.output,
            mutant=self.mutant,
        )
        return replace(task, **more)  # type: ignore[arg-type]

    def start(self, task: Task) -> int:
        """Start a run, not waiting for it."""
        return self._zygote.start(task)

    def wait(self, pid: int) -> int:
        """Wait for a run, then let the judge look."""
        code = self._zygote.wait(pid)
        self.judge.look()
        return code

    def run(self, *verb: str, **more: object) -> int:
        """A run to its end; gives its exit code (-9 for one that was killed)."""
        code = self.wait(self.start(self.task(*verb, **more)))
        if code in (70, 71, HUNG):
            self.judge.fault(f"exit {code}, a bug or hung: {self.said[-1500:]}")
        return code

    def trace(self) -> list[str]:
        """Run undisturbed and list the failpoints reached."""
        path = self.root / "trace"
        assert self.run(trace=path) == 0, self.said
        return path.read_text().split()

    def rebuild(self) -> None:
        """Rebuild the ledger, if there is anything to rebuild it from; time goes by until the
        service tells all."""
        for _ in range(_ROUNDS):
            before = len(self.said)
            code = self.run("rebuild")
            said = self.said[before:]
            # killed before anything was sent, or in a rebuild whose ledger had its place already
            nothing = "nothing to rebuild" in said or "is there and sound" in said
            if code == 0 or (code == 2 and nothing):
                self.judge.ledger_is_whole = True
                return
            self.skip(600)
        self.judge.fault(f"not rebuilt: exit {code}: {self.said[-800:]}")

    def recover(self, done: Sequence[int] = (0,)) -> int:
        """Run until at rest, at most so often, with time going by in between."""
        code = -1
        for _ in range(_ROUNDS):
            code = self.run()
            if code in done:
                break
            self.skip(1800)
        else:
            self.judge.fault(f"not at rest after {_ROUNDS} runs, exit {code}: {self.said[-1500:]}")
        return code


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
