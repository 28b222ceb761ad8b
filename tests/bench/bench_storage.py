"""Object storage: pictures read with latency against the same local folder; keys listed.

    python -m tests.bench storage [PICTURES [KEYS]]

The service is a script in a process of its own, which answers after 50 ms. Preparation runs in one
worker, so that the share of reading shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.core.recipe import Recipe
from pipeline.engines import LocalEngine, SpoolEngine, SpoolLimits
from pipeline.imaging.prepare import Preparer
from pipeline.sources import SourceOptions, open_source
from pipeline.storage import Readers, StorageSettings
from tests.bench.figures import Figure, Found, spent
from tests.imaging.drawing import LongSide
from tests.rig import picture

_LATENCY = 0.05  # seconds
_KEYS = 100_000
_SERVE = """
import sys, time, pytest
from pathlib import Path
from tests.storage.scripted_s3 import scripted_s3
with scripted_s3(pytest.MonkeyPatch()) as s3:
    folder, latency, keys = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    s3.objects = {f"p/{path.name}": path.read_bytes() for path in folder.iterdir()}
    s3.objects |= {f"many/{n // 1000:04}/{n:08}.jpg": b"x" for n in range(keys)}
    s3.latency = latency
    print(s3.endpoint, flush=True)
    sys.stdin.read()
"""


def main(arguments: list[str]) -> Found:
    """Prepare PICTURES (2,000) of both, and list KEYS (100,000)."""
    pictures, keys = (*map(int, arguments), *(2000, _KEYS)[len(arguments) :])
    os.environ |= {"AWS_ACCESS_KEY_ID": "ID", "AWS_SECRET_ACCESS_KEY": "SECRET"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(pictures):
            picture(folder / f"{number:06}.jpg", number, (1024, 768))
        command = [sys.executable, "-c", _SERVE, name, str(_LATENCY), str(keys)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            settings = StorageSettings(server.stdout.readline().strip(), allow_http=True)
            found = _measured(folder, settings, keys)
            server.communicate()
    return found


def _measured(folder: Path, settings: StorageSettings, keys: int) -> Found:
    local = [(n, str(path)) for n, path in enumerate(sorted(folder.iterdir()))]
    stored = [(n, f"s3://bucket/p/{Path(path).name}") for n, path in local]
    here, there = (spent(lambda jobs=jobs: _prepare(jobs, settings)) for jobs in (local, stored))
    begun, first, count = time.monotonic(), 0.0, 0
    source = open_source("s3://bucket/many", None, SourceOptions(storage=settings))
    cpu = time.process_time()
    for listing in source.listings():
        first = first or time.monotonic() - begun
        count += sum(1 for _ in listing.entries())
    assert count == keys
    each = 1e6 * (time.process_time() - cpu) / keys
    rate = len(local) / there.wall
    return Found(
        [
            Figure("pictures a second from object storage at 50 ms", rate, "1/s"),
            Figure(
                "object storage: CPU of the parent, times the same folder",
                there.cpu / here.cpu,
                "x",
            ),
            Figure("object storage: wall, times the same folder", there.wall / here.wall, "x"),
            Figure("listing of a bucket: CPU a key", each, "us"),
        ],
        {"local": here.wall, "stored": there.wall, "first listing": first},
    )


def _prepare(jobs: list[tuple[int, str]], settings: StorageSettings) -> None:
    engine = LocalEngine(Preparer(Recipe(LongSide(512))), workers=1)
    with SpoolEngine(engine, Readers(settings), SpoolLimits(250_000_000)) as spool:
        assert sum(1 for _ in spool.prepare(jobs)) == len(jobs)
