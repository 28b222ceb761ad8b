"""Object storage: pictures read with latency, and out of a zip, against the same local folder;
keys listed.

    python -m tests.bench storage [PICTURES [KEYS]]

The service is a script in a process of its own, which answers after 50 ms. Preparation runs in one
worker, so that the share of reading shows.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
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
    listed = _listed(settings, keys)  # first, as nothing has used memory yet
    local = [(n, str(path)) for n, path in enumerate(sorted(folder.iterdir()))]
    stored = [(n, f"s3://bucket/p/{Path(path).name}") for n, path in local]
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name, "a.zip")
        with zipfile.ZipFile(archive, "w") as packed:
            for _, path in local:
                packed.write(path, Path(path).name)
        inside = [(n, f"zip://{archive}!/{Path(path).name}") for n, path in local]
        here, there, zipped = (
            spent(lambda jobs=jobs: _prepare(jobs, settings)) for jobs in (local, stored, inside)
        )
    figures = [
        Figure("pictures a second from object storage at 50 ms", len(local) / there.wall, "1/s")
    ]
    for what, one in (("object storage", there), ("a zip", zipped)):
        cpu, wall = one.cpu / here.cpu, one.wall / here.wall
        figures += [
            Figure(f"{what}: CPU of the parent, times the same folder", cpu, "x"),
            Figure(f"{what}: wall, times the same folder", wall, "x"),
        ]
    details = {"local": here.wall, "stored": there.wall, "zip": zipped.wall, **listed.details}
    return Found([*figures, *listed.figures], details)


def _listed(settings: StorageSettings, keys: int) -> Found:
    """Listing of KEYS: CPU, the time to the first, and memory, which does not grow with them."""
    source = open_source("s3://bucket/many", None, SourceOptions(storage=settings))
    begun, cpu, first, count = time.monotonic(), time.process_time(), 0.0, 0
    before = _peak()
    for listing in source.listings():
        first = first or time.monotonic() - begun
        count += sum(1 for _ in listing.entries())
    assert count == keys
    each = 1e6 * (time.process_time() - cpu) / keys
    return Found(
        [
            Figure("listing of a bucket: CPU a key", each, "us"),
            Figure("listing of a bucket: memory more", _peak() - before, "MB", 24),
        ],
        {"first listing": first},
    )


def _peak() -> float:
    """Most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _prepare(jobs: list[tuple[int, str]], settings: StorageSettings) -> None:
    engine = LocalEngine(Preparer(Recipe(LongSide(512))), workers=1)
    with SpoolEngine(engine, Readers(settings), SpoolLimits(250_000_000)) as spool:
        assert sum(1 for _ in spool.prepare(jobs)) == len(jobs)
