"""A second run of the command over files that it knows, against bare os.scandir + stat.

    python -m tests.bench known [FILES] [--rounds N]

FILES (1,000,000) small JPEGs, all of the same bytes, so that the first run, which is not measured
against anything, does not take an hour. The second one starts, crawls, finds nothing new and ends.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import simplejpeg

from tests.bench import command, files
from tests.bench.figures import Figure, Found, ratio, spent

_PICTURE = simplejpeg.encode_jpeg(np.zeros((16, 16, 3), np.uint8), 85, "RGB", "420")


def main(arguments: list[str]) -> Found:
    """Run floor and command in turn."""
    parser = argparse.ArgumentParser(prog="known")
    parser.add_argument("files", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        root, workspace = Path(name) / "imgs", Path(name) / "ws"
        print(f"  making and writing {options.files:,} files", flush=True)
        files.make(root, options.files, _PICTURE)
        first, said = command.write(root, workspace)
        assert said["requests_in_files"] == 1, said
        floors, ours = [], []
        for _ in range(options.rounds):
            floors.append(spent(lambda: files.look_at(root)))
            took, said = command.write(root, workspace)
            assert (said["images"], said["requests"]) == (options.files, 0), said
            ours.append(took)
    times = ratio([one.cpu for one in ours], [one.cpu for one in floors])
    print(f"  {options.files:,} files, the whole command: first run {first.cpu:.1f} s of CPU, "
          f"the others {times} x scandir + stat", flush=True)  # fmt: skip
    what = f"second run of the command, {options.files:,} files: CPU, times scandir + stat"
    return Found(
        [Figure(what, times, "x", 2.0)],
        {
            "files": options.files,
            "first": first.cpu,
            "floor": [one.cpu for one in floors],
            "second": [one.cpu for one in ours],
        },
    )
