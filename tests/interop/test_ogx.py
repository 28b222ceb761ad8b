"""captionmill against PyPI's ogx: its own Files and Batches, answered line by line by the loopback
server, whose bill is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from pipeline.commands.run import run
from pipeline.config import Config, load_config
from pipeline.server.app import LoopbackServer
from tests.interop.conftest import ogx_server
from tests.killing import killed_at
from tests.rig import picture
from tests.server.support import client_for

pytestmark = pytest.mark.long

MODEL = "upstream/gpt-6-luna"


class World:
    def __init__(self, base_url: str, upstream: LoopbackServer, folder: Path) -> None:
        self.base_url, self.upstream = base_url, upstream
        self.data, self.workspace = folder / "imgs", folder / "ws"
        for number in range(5):
            picture(self.data / f"{number}.png", number)

    def config(self, **changes: object) -> Config:
        return load_config(
            None,
            {
                "workspace": str(self.workspace),
                "provider.name": "openai",
                "provider.base_url": self.base_url,
                "provider.model": MODEL,
                "models": {MODEL: {"like": "gpt-6-luna"}},
                "prices": {MODEL: {"input": "0.10", "output": "0.50"}},
                "images.workers": 1,
                "batch.max_requests": 2,
                "batch.poll_seconds": 1,
                "batch.grace_seconds": 0,
                "batch.listings_apart_seconds": 0,
            }
            | changes,
        )

    def client(self) -> openai.OpenAI:
        return client_for(self.base_url)


@pytest.fixture
def world(ogx_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-interop-0123456789")
    monkeypatch.setenv("NO_PROXY", "*")
    with (
        LoopbackServer(tmp_path / "upstream", captioner="echo") as upstream,
        ogx_server(ogx_program, upstream.base_url, tmp_path) as base_url,
    ):
        yield World(base_url, upstream, tmp_path)


def test_a_data_set_is_captioned_each_image_once(world: World) -> None:
    report = run(world.config(), world.data)
    assert report.outcomes == {"captioned": 5}
    assert report.problems == []
    assert len(world.upstream.bill.rows()) == 5
    assert report.settled == world.upstream.bill.total_nano()
    assert run(world.config(), world.data).requests == 0
    assert len(world.upstream.bill.rows()) == 5


def test_a_batch_whose_answer_was_lost_is_found_in_its_list(world: World) -> None:
    class Killed(BaseException):
        """Stands for kill -9."""

    with killed_at("submit.after_create", Killed):
        run(world.config(), world.data, wait=False)
    assert run(world.config(), world.data).outcomes == {"captioned": 5}
    assert len(world.upstream.bill.rows()) == 5
    with world.client() as client:
        shards = [batch.metadata for batch in client.batches.list(limit=100)]
    assert len(shards) == 3


def test_lines_that_are_refused_are_failures_of_their_own(world: World) -> None:
    config = world.config(**{"prompt.max_completion_tokens": 1, "retry.length": {"attempts": 1}})
    report = run(config, world.data)
    assert sum(report.outcomes.values()) == 5
    assert "pending" not in report.outcomes
    assert len(world.upstream.bill.rows()) == 5
