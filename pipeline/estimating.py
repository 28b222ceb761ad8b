"""estimate: what would it cost? Every new image is prepared once, nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline import wiring
from pipeline.account import Identity, identify, workspace_of
from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.job import locate, open_data
from pipeline.ledger import Ledger
from pipeline.ledger.lookup import KnownOriginals
from pipeline.ledger.works import SpecText
from pipeline.stages.compare import Policy, PolicyCost, compare
from pipeline.stages.crawl import crawl
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import Order
from pipeline.stages.quote import Quote, quote
from pipeline.wiring import Wish


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

        def wished(model: str | None) -> Wish:
            local, account = identity.local, identity.account
            return wiring.wish(config, local=local, account=account, now=clock.now(), model=model)

        base = wished(None)
        order = _order(ledger, crawled.source, base, identity, clock.now())
        known = KnownOriginals(workspace.ledger, order.recipe)
        with wiring.engine(config, base.recipe, known) as engine:
            identify_images(ledger, order, engine, functools.partial(locate, source))
        quill, detail = wiring.quill(base), wiring.detail_of(config.prompt.detail, base.facts)
        return Estimate(
            model=base.request.model,
            quote=quote(ledger, order, quill, base.largest()),
            policies=compare(ledger, order, quill, wiring.policies(base.facts, detail)),
            models=[_other(ledger, order, wished(model)) for model in models],
        )


def _other(ledger: Ledger, order: Order, wished: Wish) -> PolicyCost:
    """The same images under another model, sized as it would have them."""
    way = Policy(wished.request.model, wished.recipe.size.choose)
    return compare(ledger, order, wiring.quill(wished), [way])[0]


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
        spec=ledger.works.spec(wished.spec, text, now),
        spec_id=wished.spec_id,
        recipe=ledger.works.recipe(wished.recipe.canonical(), wished.recipe.admission()),
        template=wished.template,
    )
