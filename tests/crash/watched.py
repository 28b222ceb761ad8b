"""Runs under strace: what is on the disk before something leaves, and system calls that fail."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.crash.child import Task
from tests.crash.rig import World

STRACE = shutil.which("strace")
_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_FD = re.compile(r"^(?P<fd>\d+)<(?P<path>[^>]*)>")


def run_watched(world: World, *options: str, task: Task | None = None) -> tuple[int, Path]:
    """Run the product under strace with `options`; gives exit code and the trace."""
    trace = world.root / "strace"
    pid = world.start(task or world.task(stopped=True))
    _wait_for_stop(pid)
    assert STRACE is not None
    command = [STRACE, "-f", "-y", "-s", "64", "-o", str(trace), *options, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    assert b"attached" in tracer.stderr.readline()
    os.kill(pid, signal.SIGCONT)
    code = world.wait(pid)
    tracer.communicate(timeout=30)
    return code, trace


def _wait_for_stop(pid: int) -> None:
    for _ in range(2000):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        time.sleep(0.005)
    raise AssertionError("the child did not stop")


SYNC = "trace=fsync,fdatasync,write,pwrite64,writev,sendto,sendmsg,rename,renameat,renameat2"


def unsynced(trace: Path) -> list[str]:
    """What left the machine, or got its name, before it was durable."""
    dirty: set[str] = set()
    found = []
    for line in trace.read_text(errors="replace").split("\n"):
        call = _CALL.match(line)
        if call is None:
            continue
        name, rest = call["name"], call["rest"]
        target = _FD.match(rest)
        path = target["path"] if target else ""
        if name in ("fsync", "fdatasync"):
            dirty.discard(path)
        elif name.startswith("rename"):
            source = rest.split('"')[1]
            found += [f"renamed unsynced: {Path(path).name}" for path in dirty if path == source]
        elif "POST /v1/batches HTTP" in rest:
            found += [f"sent with unsynced {Path(p).name}" for p in dirty if p.endswith("-wal")]
        elif path.startswith("/") and name in ("write", "pwrite64", "writev"):
            dirty.add(path)
    return found
