"""Runs over a bucket and over a zip, killed twenty times: the bill and the table of a quiet run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.server.settings import BatchDurations
from tests.rig import KEY, Rig, open_rig
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["s3"]
PICTURES, KILLS = 60, 20


def command(rig: Rig, place: str, settings: Mapping[str, object]) -> list[str]:
    options = {
        "provider.name": "openai",
        "provider.base_url": rig.server.base_url,
        "provider.model": "gpt-6-luna",
        "batch.poll_seconds": 1,
        "batch.grace_seconds": 0,
        "batch.listings_apart_seconds": 0,
        "batch.max_requests": 8,
        "batch.first_requests": 0,
        "images.workers": 1,
        **settings,
    }
    sets = [f"--set={key}={json.dumps(value)}" for key, value in options.items()]
    root = str(rig.workspace.root)
    return [sys.executable, "-m", "pipeline", "run", place, "--workspace", root, "--yes", *sets]


def filled(rig: Rig) -> None:
    rig.add(*(f"d{n % 5}/{n:03}.png" for n in range(PICTURES)))
    (rig.data / "cut.png").write_bytes((rig.data / "d0" / "000.png").read_bytes()[:60])


def killed(command: list[str], dice: random.Random) -> bool:
    """Run and kill at some time; False when it ended before."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            process.wait(dice.uniform(0.5, 4))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
            return True
        return False


@pytest.mark.long
@pytest.mark.parametrize("kind", ["bucket", "zip"])
def test_kills_cost_nothing(
    kind: str, s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / name for name in ("killed", "quiet")]
    for root in roots:
        root.mkdir()
    slow = BatchDurations(validate=0.3, line=0.02, finalize=0.3)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with (
        open_rig(roots[0], monkeypatch, durations=slow) as rig,
        open_rig(roots[1], monkeypatch) as quiet,
    ):
        for one in (rig, quiet):
            filled(one)
        settings = {"storage.endpoint": s3.endpoint, "storage.allow_http": True}
        place = "s3://bucket"
        if kind == "bucket":
            s3.serve(rig.data)
            s3.latency = 0.02
        else:
            place = str(tmp_path / "a.zip")
            with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in sorted(rig.data.rglob("*.png")):
                    archive.write(path, path.relative_to(rig.data))
        dice, kills = random.Random(7), 0
        while kills < KILLS and killed(command(rig, place, settings), dice):
            kills += 1
        for one, where in ((rig, place), (quiet, str(quiet.data))):
            subprocess.run(command(one, where, settings), check=True, capture_output=True)
            one.check()
        assert kills
        rows = [
            sorted((r["path"], r["outcome"], r["caption"], r["billed_cost"]) for r in one.table())
            for one in (rig, quiet)
        ]
        assert rows[0] == rows[1]
        assert len(rows[0]) == PICTURES + 1
        assert rig.server.bill.total_nano() == quiet.server.bill.total_nano()
