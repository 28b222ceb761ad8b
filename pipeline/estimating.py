"""estimate: what would it cost? Every new image is prepared once, nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import wiring, wishes
from pipeline.account import Identity, identify, workspace_of
from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.config.model import NearDuplicatesConfig
from pipeline.engines.base import Engine
from pipeline.inputs import locate, open_data
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.lookup import KnownOriginals
from pipeline.ledger.specs import SpecText
from pipeline.stages.compare import Policy, PolicyCost, compare
from pipeline.stages.crawl import crawl
from pipeline.stages.dedupe import Alike, alike, dedupe
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import Order
from pipeline.stages.quote import Quote, quote
from pipeline.wishes import Wish
from pipeline.workspace import require_local


@dataclass(frozen=True, slots=True)
class Estimate:
    """What captioning would cost.

    Attributes:
        model: the configured one.
        quote: what is still to be sent under it, exactly.
        policies: all unique images under this model, sized in other ways.
        models: all unique images under each model that was asked for.
    """

    model: str
    quote: Quote
    policies: list[PolicyCost]
    models: list[PolicyCost]


def estimate(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    models: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _text: None,
) -> Estimate:
    """What would captioning a folder, an image or a manifest cost?

    Every new image is prepared once; what is learned is kept for the next run. Nothing is sent,
    and no key is needed.

    Raises:
        CaptionmillError: see the error tree.
    """
    with _looked_at(config, data, manifest, _identity(config, models), say) as scene:
        base, quill = scene.wish, wiring.quill(scene.wish)
        ways = wishes.policies(base.facts, wishes.detail_of(config.prompt.detail, base.facts))
        identify_images(scene.ledger, scene.order, scene.engine, scene.locate)
        return Estimate(
            model=base.request.model,
            quote=quote(scene.ledger, scene.order, quill, base.largest()),
            policies=compare(scene.ledger, scene.order, quill, ways),
            models=[_other(scene, model) for model in models],
        )


def find_alike(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    distance: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> list[Alike]:
    """Which new images look like another one, before anything depends on it. Nothing is sent.

    Args:
        distance: bits of the 128 that may differ; the configured ones (else 16) when None.

    Raises:
        CaptionmillError: see the error tree.
    """
    near = config.images.near_duplicates or NearDuplicatesConfig()
    images = config.images.model_copy(update={"near_duplicates": near})
    config = config.model_copy(update={"images": images})
    with _looked_at(config, data, manifest, _identity(config, ()), say) as scene:
        bits = near.distance if distance is None else distance
        dedupe(scene.ledger, scene.order, scene.engine, scene.locate, bits)
        found = alike(scene.ledger, scene.order.source)
        scene.ledger.likeness.set_near(scene.order.source, {})
        return found


@dataclass(frozen=True, slots=True)
class _Scene:
    """A crawled source with what is asked about it, and the means to look at its images."""

    config: Config
    identity: Identity
    ledger: Ledger
    order: Order
    wish: Wish
    engine: Engine
    locate: Callable[[SeenImage], str]
    now: int

    def wish_of(self, model: str) -> Wish:
        """The same wish of another model."""
        return _wish(self.config, self.identity, self.ledger, self.now, model)


@contextmanager
def _looked_at(
    config: Config,
    data: str | Path | None,
    manifest: str | Path | None,
    identity: Identity,
    say: Callable[[str], None],
) -> Iterator[_Scene]:
    """Crawl a source in the workspace of `identity`; no service is needed."""
    source = open_data(config, data, manifest)
    workspace = workspace_of(config, identity.provider)
    now = Clock().now()
    with ExitStack() as stack:
        warning = require_local(workspace.root, allow_network=config.allow_network_workspace)
        if warning:
            say(warning)
        workspace.create()
        stack.enter_context(workspace.lock())
        ledger = stack.enter_context(Ledger(workspace.ledger))
        crawled = crawl(ledger, source, now)
        for problem in crawled.problems:
            say(problem)
        wished = _wish(config, identity, ledger, now, None)
        order = _order(ledger, crawled.source, wished, identity, now)
        looked = config.images.near_duplicates is not None
        known = stack.enter_context(KnownOriginals(workspace.ledger, order.recipe, looked=looked))
        engine = stack.enter_context(wiring.engine(config, wished.recipe, known))
        find = functools.partial(locate, source)
        yield _Scene(config, identity, ledger, order, wished, engine, find, now)


def _wish(config: Config, identity: Identity, ledger: Ledger, now: int, model: str | None) -> Wish:
    """What a run would ask for, calibrated by the bills so far as a run is."""
    name = model or config.provider.model
    return wishes.wish(
        config,
        local=identity.local,
        account=identity.account,
        now=now,
        model=model,
        calibration=wishes.ratio(ledger.answers.calibration(), name),
    )


def _other(scene: _Scene, model: str) -> PolicyCost:
    """The same images under another model, sized as it would have them."""
    wished = scene.wish_of(model)
    way = Policy(wished.request.model, wished.recipe.size.choose)
    return compare(scene.ledger, scene.order, wiring.quill(wished), [way])[0]


def _identity(config: Config, models: tuple[str, ...]) -> Identity:
    """Prices are asked for models of OpenAI, key or no key; without a key and without a model
    it is the local one that would run."""
    if models or config.provider.name in ("openai", "openai_online"):
        return Identity("openai", config.provider.account, None)
    return identify(config)


def _order(ledger: Ledger, source: int, wished: Wish, identity: Identity, now: int) -> Order:
    text = SpecText(
        identity.provider, identity.account, wished.request.model, wished.request.endpoint
    )
    return Order(
        source=source,
        spec=ledger.specs.spec(wished.spec, text, now),
        spec_id=wished.spec_id,
        recipe=ledger.specs.recipe(wished.recipe.canonical(), wished.recipe.admission()),
        template=wished.template,
    )
