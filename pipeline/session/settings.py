"""From a Config to the values that the stages work with. No I/O but the catalogue and prices."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.core.budget import BudgetCaps
from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.lifecycle import Patience
from pipeline.core.packing import ShardLimits
from pipeline.core.recipe import Recipe
from pipeline.core.retry import RetryRule
from pipeline.providers.models import model_facts
from pipeline.session.spec import CaptionSpec
from pipeline.sources.base import SourceOptions
from pipeline.sources.download import FetchOptions
from pipeline.sources.download.url_passthrough import UrlPassthrough
from pipeline.stages.preprocess import Engines
from pipeline.stages.prune import CacheLimits
from pipeline.stages.write import RequestTemplate
from pipeline.system.notify import Notice

if TYPE_CHECKING:
    from pipeline.engines.base import Engine

_LOCAL_REQUESTS = 250


def caps(config: Config) -> BudgetCaps:
    """The budget's caps in nano-dollars."""
    budget = config.budget
    return BudgetCaps(run=budget.run, day=budget.day, month=budget.month, lifetime=budget.lifetime)


def patience(config: Config) -> Patience:
    """How long to wait before believing something."""
    batch = config.batch
    return Patience(
        grace=batch.grace_seconds,
        listings_apart=batch.listings_apart_seconds,
        on_ambiguous=batch.on_ambiguous,
        stuck=batch.stuck_grace,
        backoff=batch.backoff_minutes,
    )


def rules(config: Config) -> dict[str, RetryRule]:
    """The retry rule of each outcome."""
    return {outcome: RetryRule(**rule) for outcome, rule in config.retry.model_dump().items()}


def notice(config: Config) -> Notice:
    """Who is told when a run has ended."""
    told = config.notify
    return Notice(told.command, told.url, told.when, told.timeout)


def queue_guess(config: Config, *, local: bool) -> Callable[[str], int | None]:
    """Prompt tokens that a model's unfinished batches may hold, as the catalogue knows it."""
    if local:
        return lambda _model: None
    models = {name: model.model_dump() for name, model in config.models.items()}
    return functools.cache(lambda model: model_facts(model, models).enqueued_tokens)


def limits(config: Config, queue: int | None, *, local: bool = False) -> ShardLimits:
    """Bounds of a shard: at least two fit into the service's queue at once. The built-in server
    answers while later images are prepared, so it gets small ones."""
    batch = config.batch
    most = min(batch.max_requests, _LOCAL_REQUESTS) if local else batch.max_requests
    tokens = batch.max_tokens if queue is None else min(batch.max_tokens, max(1, queue // 2))
    return ShardLimits(requests=most, bytes=batch.max_bytes, tokens=tokens)


def retry_templates(
    config: Config, caption_spec: CaptionSpec, remade: Callable[[Config], CaptionSpec]
) -> Callable[[str, int], RequestTemplate]:
    """How a further attempt is written, by the retry rules: the same image, asked otherwise.

    Args:
        remade: the wish of a changed configuration.
    """
    by_outcome = rules(config)

    @functools.cache
    def again(outcome: str, attempts: int) -> RequestTemplate:
        rule = by_outcome.get(outcome, RetryRule())
        if rule == RetryRule(attempts=rule.attempts):
            return request_template(caption_spec)
        longest = config.prompt.max_completion_tokens
        for _ in range(attempts):
            longest = longest * rule.raise_max_completion_tokens // 100
        changed = {"max_completion_tokens": longest, "detail": rule.detail or config.prompt.detail}
        provider = config.provider.model_copy(update={"model": rule.model or config.provider.model})
        prompt = config.prompt.model_copy(update=changed)
        return request_template(
            remade(config.model_copy(update={"prompt": prompt, "provider": provider}))
        )

    return again


def request_template(caption_spec: CaptionSpec) -> RequestTemplate:
    """How a first attempt is written."""
    return RequestTemplate(
        caption_spec.request, CostEstimator(caption_spec.estimator, caption_spec.sheet)
    )


def fetch_options(config: Config) -> FetchOptions:
    """The rules of downloading."""
    rules = config.fetch.model_dump()
    ports = frozenset(rules.pop("ports"))
    for kept in ("keep", "keep_bytes"):
        rules.pop(kept)
    return FetchOptions(ports=ports, recheck_seconds=rules.pop("recheck"), **rules)


def downloads(config: Config) -> bool:
    """True when images at URLs are brought to this machine."""
    return config.fetch.allow and config.input.image_mode == "bytes"


def keep(config: Config) -> CacheLimits:
    """How many downloaded images are kept that nobody needs."""
    return CacheLimits(bytes=config.fetch.keep_bytes, seconds=config.fetch.keep)


def passing(config: Config) -> UrlPassthrough:
    """Which addresses are passed on to the service."""
    return UrlPassthrough.of(fetch_options(config))


def source_options(config: Config, url_cache: Path | None) -> SourceOptions:
    """The rules of a crawl; images at URLs are looked for in `url_cache`."""
    return SourceOptions(
        follow_links=config.input.follow_links,
        extensions=config.input.extensions,
        path_column=config.input.path_column,
        allow_outside=config.input.allow_outside,
        sidecars=config.input.sidecar_context,
        url_cache=url_cache,
        passing=passing(config) if config.input.image_mode == "url" else None,
    )


def engine(config: Config, recipe: Recipe, known: Callable[[bytes], bool] | None) -> Engine:
    """Prepares images: files in worker processes, addresses, where they are sent, by themselves.
    Files whose bytes are `known` are not decoded."""
    from pipeline.engines.url_image import UrlImageEngine

    files = files_engine(config, recipe, known)
    return files if config.input.image_mode == "bytes" else UrlImageEngine(files)


def files_engine(config: Config, recipe: Recipe, known: Callable[[bytes], bool] | None) -> Engine:
    """Worker processes that prepare files."""
    from pipeline.engines import Limits, LocalEngine
    from pipeline.imaging.prepare import Preparer

    images = config.images
    limits = Limits(seconds=images.seconds_per_image, memory_bytes=images.memory_limit)
    return LocalEngine(Preparer(recipe, known), workers=images.workers or None, limits=limits)


@contextlib.contextmanager
def engines(config: Config, recipe: Recipe, known: Callable[[bytes], bool]) -> Iterator[Engines]:
    """Both engines of a run."""
    with engine(config, recipe, known) as sparing, engine(config, recipe, None) as thorough:
        yield Engines(sparing, thorough)
