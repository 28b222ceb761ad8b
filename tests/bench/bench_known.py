"""Runs over files that the ledger knows: nothing new, and nights with a thousand new ones, against
bare os.scandir + stat in the same run.

    python -m tests.bench known [FILES] [--rounds N]

FILES (240,000) tiny images with their captions in folders of a thousand; 1,000,000 takes a quarter
of an hour. A night is the command from start to end; what its new images cost is measured by
writing as many into a workspace of their own, and an export by making the table anew.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pipeline.system.workspace import Workspace
from tests.bench import answered, command, files
from tests.bench.figures import Figure, Found, Spent, ratio, spent

_NEW = 1_000  # images of a night
_APART = 10**7  # numbers of one kind of night from those of the next


def main(arguments: list[str]) -> Found:
    """Run floors and commands in turn."""
    parser = argparse.ArgumentParser(prog="known")
    parser.add_argument("files", type=int, nargs="?", default=240_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        root, workspace = Path(name) / "imgs", Workspace(Path(name) / "ws")
        print(f"  making {options.files:,} images with captions", flush=True)
        answered.make(root, workspace, options.files)
        return _Known(root, workspace, options.files, options.rounds).measure()


class _Known:
    """Measurements over one folder and its workspace."""

    def __init__(self, root: Path, workspace: Workspace, count: int, rounds: int) -> None:
        self._root, self._workspace = root, workspace
        self._count, self._rounds = count, rounds
        self._found = Found(details={"files": count})

    def measure(self) -> Found:
        """Second runs, both kinds of nights, `status`, and an export anew."""
        floors, ours = self._runs()
        self._say("second run", "scandir + stat", floors, ours, 1.5)
        own = self._new_alone()
        self._status()
        floors, ours = self._runs(first=1 * _APART)
        ours = [max(0.0, one - own) for one in ours]
        self._say("night, new ones in a folder of their own, less what they cost",
                  "scandir + stat", floors, ours, 3.0)  # fmt: skip
        folders = max(1, self._count // answered.PER_FOLDER)
        floors, nights = self._runs(first=2 * _APART, folders=folders)
        self._workspace.table.unlink()
        export = command.started(self._line("export")).cpu
        ours = [max(0.0, one - own - export) for one in nights]
        self._say("night, new ones spread over all folders, less what they cost and an export",
                  "scandir + stat", floors, ours, 3.0)  # fmt: skip
        self._found.details |= {"new alone": own, "export": export}
        return self._found

    def _runs(self, first: int = 0, folders: int = 0) -> tuple[list[float], list[float]]:
        """CPU seconds of the floor and of the command, each with `_NEW` further images from the
        number `first` on; 0 for none."""
        floors, ours = [], []
        for round_ in range(self._rounds):
            if first:
                begin = first + round_ * _NEW
                answered.add(self._root, range(begin, begin + _NEW), folders)
            floors.append(spent(lambda: files.look_at(self._root)).cpu)
            took, said = command.write(self._root, self._workspace.root)
            assert said["requests"] == (_NEW if first else 0), said
            ours.append(took.cpu)
            self._peak(took)
        return floors, ours

    def _new_alone(self) -> float:
        """CPU seconds of writing as many new images as a night has, where nothing else is."""
        alone = self._root.with_name("alone")
        alone.mkdir()
        answered.add(alone, range(3 * _APART, 3 * _APART + _NEW), 0)
        return command.write(alone, alone.with_name("alone-ws"))[0].cpu

    def _status(self) -> None:
        """CPU of `status` beyond that of a workspace of a night's images."""
        small = self._line("status", self._root.with_name("alone-ws"))
        pairs = [(command.started(small).cpu, command.started(self._line("status")).cpu)
                 for _ in range(3 * self._rounds)]  # fmt: skip
        beyond = round(min(mine for _, mine in pairs) - min(few for few, _ in pairs), 3)
        what = f"status, {self._count:,} images: CPU beyond {_NEW:,} images"
        print(f"  {what}: {beyond * 1000:.0f} ms", flush=True)
        self._found.figures.append(Figure(what, beyond * 1000, "ms", 100))

    def _line(self, word: str, workspace: Path | None = None) -> list[str]:
        return ["-m", "pipeline", word, "--workspace", str(workspace or self._workspace.root)]

    def _say(
        self, what: str, floor: str, floors: list[float], ours: list[float], goal: float
    ) -> None:
        times = ratio(ours, floors)
        print(f"  {what}: {times} x {floor} of {min(floors):.2f} s", flush=True)
        text = f"{what}, {self._count:,} files: CPU, times {floor}"
        self._found.figures.append(Figure(text, times, "x", goal))
        self._found.details[what] = {"floor": floors, "command": ours}

    def _peak(self, took: Spent) -> None:
        peak = max(took.peak, self._found.details.get("peak MB", 0))
        self._found.details["peak MB"] = peak
