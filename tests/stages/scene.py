"""One data set on one desk: a real ledger, the real SDK, a loopback server for the service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.config import load_config
from pipeline.core.packing import ShardLimits
from pipeline.engines.inline import InlineEngine
from pipeline.imaging.prepare import Preparer
from pipeline.ledger import Ledger
from pipeline.ledger.batches import Batch
from pipeline.ledger.images import SeenImage
from pipeline.ledger.known_originals import KnownOriginals
from pipeline.ledger.shards import Shard
from pipeline.ledger.specs import SpecText
from pipeline.providers.base import BatchOptions
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.records import Nano, RemoteBatch
from pipeline.server.app import LoopbackServer
from pipeline.session import spec, spec_factory, templates
from pipeline.sources import open_source, to_path
from pipeline.sources.base import SourceOptions
from pipeline.stages.context import StageContext
from pipeline.stages.crawl import CrawlResult, crawl
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import submit_shards
from pipeline.stages.values import CaptionTask, Engines
from pipeline.stages.write import Writer
from pipeline.system.clock import Clock
from pipeline.system.secrets import Secret
from pipeline.system.workspace import Workspace
from tests.rig import KEY, MODEL, picture


class Scene:
    """Walks the stages one at a time. `clock.offset` moves the product's time."""

    def __init__(self, root: Path, server: LoopbackServer) -> None:
        self.data = root / "imgs"
        self.data.mkdir()
        self.workspace = Workspace(root / "ws")
        self.workspace.create()
        self.server = server
        self.clock = Clock()
        self.ledger = Ledger(self.workspace.ledger)
        self.service = OpenAIBatches(BatchOptions(Secret(KEY), server.base_url))
        self.lookups = ExitStack()
        self.said: list[str] = []
        self.slept: list[float] = []
        self.context = StageContext(
            ledger=self.ledger,
            service=self.service,
            workspace=self.workspace,
            clock=self.clock,
            run=self.ledger.begin_run("test", self.clock.now()),
            say=self.said.append,
        )
        self.caption_spec = self.make_spec()

    def close(self) -> None:
        """Close the connections."""
        self.lookups.close()
        self.service.close()
        self.ledger.close()

    def make_spec(self, **overrides: object) -> spec.CaptionSpec:
        """What a configuration asks for; keys with __ for dots."""
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        config = load_config(None, {"provider.name": "openai", "provider.model": MODEL} | given)
        factory = spec_factory.SpecFactory.of(config)
        return factory.build(local=False, account="test", now=self.clock.now())

    def rules(self, **changed: object) -> None:
        """Change the desk's rules."""
        self.context = replace(self.context, **changed)  # type: ignore[arg-type]

    def sleep(self, seconds: float) -> None:
        """Let the product's time pass, without waiting."""
        self.slept.append(seconds)
        self.clock.offset += seconds

    def add(self, *names: str, first: int = 0) -> None:
        """Put distinct pictures into the data set."""
        for number, name in enumerate(names):
            picture(self.data / name, first + number)

    def crawl(self) -> CrawlResult:
        """Look at the data set."""
        source = open_source(self.data, None, SourceOptions())
        return crawl(self.ledger, source, self.clock.now())

    def task(self, sources: tuple[int, ...] | None = None) -> CaptionTask:
        """What a run wants; the source's rows are about it from now on."""
        caption_spec, specs = self.caption_spec, self.ledger.specs
        text = SpecText("openai", "test", caption_spec.request.model, caption_spec.request.endpoint)
        task = CaptionTask(
            sources=self.crawl().sources if sources is None else sources,
            spec=specs.spec(caption_spec.spec, text, self.clock.now()),
            spec_id=caption_spec.spec_id,
            recipe=specs.recipe(caption_spec.recipe.canonical(), caption_spec.recipe.admission()),
            template=caption_spec.template,
        )
        for source in task.sources:
            self.ledger.images.use_spec(source, task.spec, task.recipe.admission)
        return task

    def locate(self, image: SeenImage) -> str:
        """The path of an image of the data set."""
        return to_path(image.location) if image.location else str(self.data / image.path)

    def engines(self, task: CaptionTask) -> Engines:
        """Both engines, in this process."""
        known = self.lookups.enter_context(KnownOriginals(self.workspace.ledger, task.recipe))
        sparing = InlineEngine(Preparer(self.caption_spec.recipe, known))
        return Engines(sparing, InlineEngine(Preparer(self.caption_spec.recipe, None)))

    def shard_options(
        self,
        limits: ShardLimits | None = None,
        room: Callable[[], Nano | None] = lambda: None,
    ) -> ShardOptions:
        """How requests are written."""
        request_template = templates.request_template(self.caption_spec)
        return ShardOptions(
            request_template=request_template,
            again=lambda _outcome, _attempts: request_template,
            limits=limits or ShardLimits(),
            folder=self.workspace.shards,
            room=room,
        )

    def write(self, task: CaptionTask, shard_options: ShardOptions | None = None) -> list[Shard]:
        """Write every image that needs it."""
        writer = Writer(self.ledger, task, shard_options or self.shard_options(), self.clock.now)
        rows = list(writer.write(self.engines(task), self.locate))
        return [self.ledger.shards.get(row) for row in rows]

    def until_over(self, batch_id: str) -> RemoteBatch:
        """Wait until nothing will change about a batch at the service."""
        for _ in range(1000):
            batch = self.service.get(batch_id)
            if batch.terminal:
                return batch
            time.sleep(0.01)
        raise TimeoutError(f"{batch_id} is still {batch.status}")

    def states(self) -> Sequence[str]:
        """States of all shards, oldest first."""
        return [row[0] for row in self.ledger.database.execute("SELECT state FROM shards")]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A data set on a desk; the service answers at once."""
    with LoopbackServer(tmp_path / "server", captioner="echo", api_key=KEY, seed="7") as server:
        opened = Scene(tmp_path, server)
        yield opened
        opened.close()


def sent(scene: Scene, count: int = 2, limits: ShardLimits | None = None) -> Sequence[Batch]:
    """Batches that are over at the service, and that nobody has looked at."""
    scene.add(*(f"{n}.png" for n in range(count)))
    task = scene.task()
    scene.write(task, scene.shard_options(limits))
    assert submit_shards(scene.context, task.spec).waiting == {}
    batches = scene.ledger.batches.in_states("open")
    for batch in batches:
        scene.until_over(batch.batch_id)
    return batches
