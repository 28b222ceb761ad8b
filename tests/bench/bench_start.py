"""Start of the command, as multiples of the CPU of `python -c "import click"`.

    python -m tests.bench start [--rounds N]

Each round measures the floor and a command one after the other; the figure is the median of their
ratios. `status` reads a workspace of the samples, captioned by the local model.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import command
from tests.bench.figures import Figure, Found, ratio

_FLOOR = ["-c", "import click"]
_SAMPLES = Path(__file__).parents[2] / "data" / "samples"
_GOALS = {"--help": 1.5, "--version": 1.5, "help budget": 2.0, "run --help": 3.0, "status": 5.0}


def main(arguments: list[str]) -> Found:
    """Start Python and the command in turn."""
    parser = argparse.ArgumentParser(prog="start")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(arguments).rounds
    found = Found()
    with tempfile.TemporaryDirectory() as name:
        workspace = ["--workspace", f"{name}/ws"]
        local = ["--provider", "local", *workspace]
        run = [sys.executable, "-m", "pipeline", "run", str(_SAMPLES), *local]
        subprocess.run(run, capture_output=True, check=True)
        for words, goal in _GOALS.items():
            line = ["-m", "pipeline", *words.split(), *(workspace if words == "status" else [])]
            command.started(line)  # compiles the modules
            pairs = [(command.started(_FLOOR), command.started(line)) for _ in range(rounds)]
            floors, ours = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            times = ratio([one.cpu for one in ours], [one.cpu for one in floors])
            print(f"  {words}: {times} x import click", flush=True)
            what = f"captionmill {words}: CPU, times python -c 'import click'"
            found.figures.append(Figure(what, times, "x", goal))
            found.details[words] = {
                "floor": [one.cpu for one in floors], "command": [one.cpu for one in ours]
            }  # fmt: skip
    return found
