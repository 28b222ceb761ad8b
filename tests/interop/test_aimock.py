"""captionmill against npm's aimock, whose Files and Batches somebody else wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.retry import retry
from pipeline.commands.run import run
from pipeline.config import Config, load_config
from pipeline.session.report import Report
from tests.interop.conftest import ask
from tests.killing import killed_at
from tests.rig import picture

pytestmark = pytest.mark.long

_ENOUGH = 40  # calls of a night


class World:
    """A data set of three shards, and runs of the product at aimock."""

    def __init__(self, root: str, folder: Path) -> None:
        self.root = root
        self.data = folder / "imgs"
        self.workspace = folder / "ws"
        for number in range(5):
            picture(self.data / f"{number}.png", number)

    def config(self, **headers: str) -> Config:
        return load_config(
            None,
            {
                "workspace": str(self.workspace),
                "provider.name": "openai",
                "provider.base_url": f"{self.root}/v1",
                "provider.headers": {name.replace("_", "-"): v for name, v in headers.items()},
                "images.workers": 1,
                "batch.max_requests": 2,
                "batch.poll_seconds": 1,
                "batch.grace_seconds": 0,
                "batch.listings_apart_seconds": 0,
                "batch.backoff_minutes": [1],
            },
        )

    def run(self, *, wait: bool = False, **headers: str) -> Report:
        return run(self.config(**headers), self.data, wait=wait)

    def batches(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(f"{self.root}/v1/batches?limit=100")["data"]
        return found


@pytest.fixture
def world(aimock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-interop-0123456789")
    monkeypatch.setenv("NO_PROXY", "*")
    return World(aimock, tmp_path)


def test_a_data_set_is_captioned(world: World) -> None:
    report = world.run(wait=True)
    assert report.outcomes == {"captioned": 5}
    assert (report.exit_code, report.batches) == (0, 3)
    batches = world.batches()
    assert {batch["status"] for batch in batches} == {"completed"}
    assert len({batch["metadata"]["captionmill_shard"] for batch in batches}) == 3
    files = ask(f"{world.root}/v1/files")["data"]
    assert files == [], "remote files are deleted once their answers are safe"
    assert world.run().requests == 0
    assert len(world.batches()) == 3


@pytest.mark.parametrize(("outcome", "attempts"), [("expired", 5), ("cancelled", 5), ("failed", 1)])
def test_what_did_not_run_has_its_outcome_and_goes_again_when_told(
    world: World, outcome: str, attempts: int
) -> None:
    report = world.run(wait=True, x_aimock_batch_outcome=outcome)
    assert report.outcomes == {outcome: 5}
    statuses = [batch["status"] for batch in world.batches()]
    assert statuses == [outcome] * 3 * attempts
    assert retry(world.config(), [outcome], lambda _text: None) == 5
    assert world.run(wait=True).outcomes == {"captioned": 5}
    assert len(world.batches()) == 3 * attempts + 3


def test_a_night_of_faults(world: World) -> None:
    """Every call may be refused, cut off or answered with nonsense, before it has an effect."""
    chaos = {
        "x_aimock_chaos_disconnect": "0.1",
        "x_aimock_chaos_drop": "0.1",
        "x_aimock_chaos_malformed": "0.1",
    }
    for _ in range(_ENOUGH):
        report = world.run(**chaos)
        if report.exit_code == 0:
            break
    report = world.run(wait=True)
    assert report.outcomes == {"captioned": 5}
    assert len(world.batches()) == 3, "one batch for each shard"


def test_a_batch_whose_answer_was_lost_is_found(world: World) -> None:
    class Killed(BaseException):
        """Stands for kill -9."""

    with killed_at("submit.after_create", Killed):
        world.run()
    assert len(world.batches()) == 1
    assert world.run(wait=True).outcomes == {"captioned": 5}
    assert len(world.batches()) == 3
