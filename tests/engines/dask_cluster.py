"""A dask cluster of real processes on loopback, in an environment without any key."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_SECONDS = 90


class DaskCluster:
    """One scheduler and its workers.

    Args:
        folder: for logs and the workers' own files.
        tls: options of dask's commands for TLS, "--tls-ca-file" and so on.
        environment: of its processes, beside this one's without keys.
    """

    def __init__(
        self,
        folder: Path,
        tls: Mapping[str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.address = folder, ""
        self._environment = environment or {}
        self._tls = [str(part) for pair in (tls or {}).items() for part in pair]
        self._scheme = "tls" if tls else "tcp"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, workers: int = 2) -> None:
        """Start everything at once; returns when the scheduler listens."""
        self.start_scheduler()
        for _ in range(workers):
            self.add_worker()

    def start_scheduler(self) -> None:
        """Start the scheduler, where it was before if it was."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        port = self.address.rpartition(":")[2] or "0"
        self.scheduler = self._run(
            "dask_scheduler", "--host", "127.0.0.1", "--port", port, "--protocol", self._scheme,
            "--no-dashboard", "--dashboard-address", ":0", "--scheduler-file", str(file),
        )  # fmt: skip
        until(lambda: _address(file) != "", self.scheduler)
        self.address = _address(file)

    def add_worker(self, environment: Mapping[str, str] | None = None, *options: str) -> int:
        """Start a worker with one thread; gives its process's number."""
        worker = self._run(
            "dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--host", f"{self._scheme}://127.0.0.1", "--local-directory", str(self.folder),
            *options, environment=environment,
        )  # fmt: skip
        self.workers.append(worker)
        return worker.pid

    def kill_worker(self, number: int = 0) -> None:
        """End a worker as a power cut does."""
        worker = self.workers.pop(number)
        worker.kill()
        worker.wait()

    def restart_scheduler(self) -> None:
        """End the scheduler; its workers end with it, so as many are started anew."""
        count = len(self.workers)
        self.stop()
        self.start(count)

    def stop(self) -> None:
        """End all processes at once."""
        running = [*self.workers, *([self.scheduler] if self.scheduler else [])]
        self.workers, self.scheduler = [], None
        for process in running:
            process.send_signal(signal.SIGKILL)
        for process in running:
            process.wait()

    def _run(
        self, command: str, *options: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if "KEY" not in name and "TOKEN" not in name
        }
        paths = {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}
        with (self.folder / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", *self._tls, *options],
                env={**clean, **paths, **self._environment, **(environment or {})},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int = 2, **options: Any) -> Iterator[DaskCluster]:
    """A running cluster, which may still be waiting for its workers."""
    cluster = DaskCluster(folder, **options)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()


def until(
    true: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, pause: float = 0.02
) -> None:
    """Wait until something is true, as long as the process that makes it so lives."""
    deadline = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < deadline, "nothing came of it"
        assert process is None or process.poll() is None, "the process has ended"
        time.sleep(pause)


def _address(file: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(file.read_text())["address"])
    return ""
