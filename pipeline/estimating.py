"""estimate: what would it cost? Every new image is prepared once, nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pipeline import wiring
from pipeline.account import Identity, identify, workspace_of
from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.job import locate, open_data
from pipeline.ledger import Ledger
from pipeline.ledger.lookup import KnownOriginals
from pipeline.ledger.works import SpecText
from pipeline.stages.crawl import crawl
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import Order
from pipeline.stages.quote import Quote, quote
from pipeline.wiring import Wish


def estimate(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    models: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _text: None,
) -> list[tuple[Wish, Quote]]:
    """What would captioning a folder, an image or a manifest cost?

    Every new image is prepared once; what is learned is kept for the next run. Nothing is sent,
    and no key is needed.

    Returns:
        one (wish, quote) for each model asked for, by default the configured one.

    Raises:
        CaptionmillError: see the error tree.
    """
    source = open_data(config, data, manifest)
    identity = _identity(config, models)
    workspace = workspace_of(config, identity.provider)
    clock = Clock()
    with ExitStack() as stack:
        workspace.create()
        stack.enter_context(workspace.lock())
        ledger = stack.enter_context(Ledger(workspace.ledger))
        crawled = crawl(ledger, source, clock.now())
        for problem in crawled.problems:
            say(problem)
        found = []
        for model in models or (None,):
            wished = wiring.wish(
                config,
                local=identity.local,
                account=identity.account,
                now=clock.now(),
                model=model,
            )
            order = _order(ledger, crawled.source, wished, identity, clock.now())
            known = KnownOriginals(workspace.ledger, order.recipe)
            with wiring.engine(config, wished.recipe, known) as engine:
                identify_images(ledger, order, engine, functools.partial(locate, source))
            found.append((wished, quote(ledger, order, wiring.quill(wished), wished.largest())))
    return found


def _identity(config: Config, models: tuple[str, ...]) -> Identity:
    """Prices are asked for models of OpenAI, key or no key; without a key and without a model
    it is the local one that would run."""
    if models or config.provider.name == "openai":
        return Identity("openai", config.provider.account, None)
    return identify(config)


def _order(ledger: Ledger, source: int, wished: Wish, identity: Identity, now: int) -> Order:
    text = SpecText(
        identity.provider, identity.account, wished.request.model, wished.request.endpoint
    )
    return Order(
        source=source,
        spec=ledger.works.spec(wished.spec, text, now),
        spec_id=wished.spec_id,
        recipe=ledger.works.recipe(wished.recipe.canonical(), wished.recipe.admission()),
        template=wished.template,
    )
