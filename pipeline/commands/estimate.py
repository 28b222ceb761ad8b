"""Estimate of the cost of sources: every new image is prepared once, nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.budget import Exposure
from pipeline.core.budget_words import coverage, in_force
from pipeline.core.cost_estimate import PolicyCost
from pipeline.core.pricing import dollars
from pipeline.core.provider_kinds import AUTO, LOCAL
from pipeline.core.skipped_files import excluded_sentence
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.known_originals import KnownOriginals
from pipeline.ledger.reservations import Scope
from pipeline.review.edits import Edits
from pipeline.review.in_force import kept_answers
from pipeline.session.account import AccountOptions, Identity, identify
from pipeline.session.columns import metadata_notes
from pipeline.session.existing_texts import leaving_texts
from pipeline.session.inputs import locate, open_data
from pipeline.session.notebook import shown_progress
from pipeline.session.recall import recall_former
from pipeline.session.settings import RunSettings
from pipeline.session.sizings import policies
from pipeline.session.spec import CaptionSpec, recorded_task
from pipeline.session.templates import request_template
from pipeline.session.workspace_ledger import is_new, new_sentence
from pipeline.sources import NamedPlace, Source, SourceSet, named_places
from pipeline.sources.named_places import Named
from pipeline.stages.compare import NamedSizing, compare
from pipeline.stages.crawl import CrawlResult, crawl_all
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import leave_at_texts
from pipeline.stages.quote import Quote, quote, quote_stale
from pipeline.stages.recheck import recheck_preparations
from pipeline.stages.shard_options import RequestTemplate
from pipeline.stages.values import CaptionTask, Engines, Progress
from pipeline.system.clock import Clock
from pipeline.system.network_disk import require_local


@dataclass(frozen=True, slots=True)
class Estimate:
    """Costs of captioning sources.

    Attributes:
        model: the configured one.
        quote: what is still to be sent under it, exactly.
        stale: images that version 0.1.0 prepared wrongly, if a person lets them go again.
        policies: all unique images under this model, sized in other ways.
        models: all unique images under each model that was named.
        budget: the caps in force in one line, "" for none.
        coverage: how much of it the caps pay for, "" when they pay for all.
    """

    model: str
    quote: Quote
    stale: Quote
    policies: list[PolicyCost]
    models: list[PolicyCost]
    budget: str = ""
    coverage: str = ""

    @property
    def cost(self) -> Decimal | None:
        """Dollars to expect of what is still to be sent; None where no price is known."""
        return dollars(self.quote.expected)

    @property
    def max_cost(self) -> Decimal | None:
        """Dollars that it costs at most; None where no price is known."""
        return dollars(self.quote.max_cost)


def estimate(
    config: Config | str,
    data: Named = None,
    *,
    manifest: Named = None,
    models: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
) -> Estimate:
    """Estimate the cost of captioning folders, images and manifests.

    Every new image is prepared once; the next run reuses what is learned. Nothing is sent,
    and no key is needed.

    Raises:
        CaptionmillError: see the error tree.
    """
    places = named_places(data, manifest)
    settings = RunSettings.of(config).over(places)
    identity = priced_identity(settings.account, models)
    with (
        crawled_sources(settings, places, identity, say) as crawled,
        shown_progress(progress) as shown,
    ):
        base, template = crawled.caption_spec, request_template(crawled.caption_spec)
        for spec in (base, *(crawled.spec_of(model) for model in models)):
            if warning := spec.facts.shutdown_warning(crawled.today):
                say(warning)
            if spec.sheet is None:
                say(spec.why_unbounded())
        ways = policies(base.facts, settings.specs.detail(base.facts))
        ledger, task, engine = crawled.ledger, crawled.task, crawled.engines.sparing
        shown.crawled(ledger.rows.images(task.sources), ledger.images.count_todo(task.sources))
        identify_images(ledger, task, engine, crawled.locate, shown=shown.prepared)
        leave_at_texts(crawled.ledger, crawled.task)
        price = crawled.price(template, base.largest())
        return Estimate(
            model=base.request.model,
            quote=price,
            stale=quote_stale(crawled.ledger, crawled.task, template),
            policies=compare(crawled.ledger, crawled.task, template, ways),
            models=[_other(crawled, model) for model in models],
            budget=crawled.budget(),
            coverage=crawled.coverage(price),
        )


@dataclass(frozen=True, slots=True)
class CrawledSources:
    """Crawled sources with their task, and the means to prepare their images."""

    settings: RunSettings
    identity: Identity
    ledger: Ledger
    task: CaptionTask
    caption_spec: CaptionSpec
    engines: Engines
    locate: Callable[[SeenImage], str]
    now: int

    def spec_of(self, model: str) -> CaptionSpec:
        """Spec of the same request to another model."""
        return _spec(self.settings, self.identity, self.ledger, self.now, model)

    def price(self, template: RequestTemplate, largest: tuple[int, int]) -> Quote:
        """Price of what the next run sends; `largest` as in `stages.quote`."""
        price = quote(self.ledger, self.task, template, largest)
        price.limit(self.settings.limit)
        return price

    @property
    def today(self) -> date:
        """Day (UTC)."""
        return datetime.fromtimestamp(self.now, UTC).date()

    def budget(self) -> str:
        """Caps in force in one line, "" for none; the local model needs none."""
        if self.identity.local:
            return ""
        return in_force(self.settings.budget.caps, self._exposure, self.settings.budget.origins)

    def coverage(self, price: Quote) -> str:
        """Sentence about how much the caps pay for, "" when they pay for all."""
        if price.expected is None or price.max_cost is None:
            return ""
        expected, most = price.expected, price.max_cost
        return coverage(self.settings.budget.caps, self._exposure, price.requests, expected, most)

    @property
    def _exposure(self) -> Exposure:
        return self.ledger.reservations.exposure(Scope(0, self.now))


@contextmanager
def crawled_sources(
    settings: RunSettings,
    places: Iterable[NamedPlace],
    identity: Identity,
    say: Callable[[str], None],
) -> Iterator[CrawledSources]:
    """Crawl sources in the workspace of `identity`; no service is needed."""
    inputs, settings = open_data(settings, places)
    workspace = settings.account.place.workspace(identity.provider)
    now = Clock().now()
    with ExitStack() as stack:
        warning = require_local(workspace.root, allow_network=settings.account.allow_network)
        if warning:
            say(warning)
        new = is_new(workspace)
        workspace.create()
        if new:
            say(new_sentence(workspace))
        stack.enter_context(workspace.lock())
        ledger = stack.enter_context(Ledger(workspace.ledger))
        settings = settings.with_remembered_cap(ledger, workspace)
        crawled, sources = _crawl(inputs, settings, ledger, now, say)
        caption_spec = _spec(settings, identity, ledger, now, None)
        for note in metadata_notes(ledger, sources, caption_spec.template):
            say(note)
        recipe = ledger.specs.recipe(
            caption_spec.recipe.canonical(), caption_spec.recipe.admission()
        )
        task = recorded_task(ledger, identity, caption_spec, recipe, crawled.sources, now)
        recall_former(ledger, task, say)
        edits = stack.enter_context(Edits(workspace.reviews))
        task = _sparing(task, settings, ledger, edits)
        compared = settings.near_distance is not None
        known_originals = KnownOriginals(workspace.ledger, task.recipe, hashed=compared)
        known = stack.enter_context(known_originals)
        engines = stack.enter_context(settings.engine.engines(caption_spec.recipe, known))
        find = functools.partial(locate, sources)
        least = caption_spec.recipe.caps.min_sent_side
        recheck_preparations(
            ledger, task, engines.thorough, find, least, changed=crawled.changed, say=say
        )
        yield CrawledSources(settings, identity, ledger, task, caption_spec, engines, find, now)


def _crawl(
    inputs: SourceSet, settings: RunSettings, ledger: Ledger, now: int, say: Callable[[str], None]
) -> tuple[CrawlResult, dict[int, Source]]:
    """Crawl sources and show notes about them; see `crawl_all`."""
    rules = settings.crawl_rules()
    crawled, sources = crawl_all(ledger, inputs.sources, now, rules=rules)
    excluded = excluded_sentence(crawled.skipped)
    for sentence in (*inputs.notes, excluded, *crawled.problems, *crawled.troubles):
        if sentence:
            say(sentence)
    return crawled, sources


def _sparing(task: CaptionTask, settings: RunSettings, ledger: Ledger, edits: Edits) -> CaptionTask:
    """Task that leaves alone what a run would: what people took care of, and texts."""
    if not settings.include_reviewed:
        task = replace(task, kept_answer=kept_answers(edits))
    return leaving_texts(task, settings, ledger, edits)


def _spec(
    settings: RunSettings, identity: Identity, ledger: Ledger, now: int, model: str | None
) -> CaptionSpec:
    """Spec of a run, calibrated by the bills so far."""
    return settings.specs.build(
        local=identity.local,
        account=identity.account,
        now=now,
        named=model,
        calibrations=ledger.answers.calibration(),
    )


def _other(crawled: CrawledSources, model: str) -> PolicyCost:
    """Cost of the same images under another model, sized as for that model."""
    caption_spec = crawled.spec_of(model)
    way = NamedSizing(caption_spec.request.model, caption_spec.recipe.size.choose)
    return compare(crawled.ledger, crawled.task, request_template(caption_spec), [way])[0]


def priced_identity(account: AccountOptions, models: tuple[str, ...]) -> Identity:
    """Identity whose prices count: of the paid service when a model is named, key or no key; else
    the one that would run."""
    if models or account.name not in (AUTO, LOCAL.name):
        return Identity(account.paid.service, account.account, None)
    return identify(account)
