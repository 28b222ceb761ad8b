"""Caption spec: model, prompt, preparation and price of a request as one identity."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial

from pipeline.config import Config
from pipeline.config.model import ImagesConfig
from pipeline.core.budget_words import unknown_price
from pipeline.core.calibration import Calibration, margin
from pipeline.core.identity import hash_of
from pipeline.core.image_tokens import UNKNOWN_SIZE, Detail
from pipeline.core.model_facts import ModelFacts
from pipeline.core.pricing import LOCAL_FREE, PriceSheet, Tier
from pipeline.core.provider_kinds import LOCAL, paid_kind
from pipeline.core.recipe import DEFAULT_FORMATS, ImageLimits, Recipe
from pipeline.core.request import RequestSpec
from pipeline.core.sizing import SizePolicy, Sizing
from pipeline.core.text_tokens import CountTokens, TokenCounter, counting_each, estimated_tokens
from pipeline.core.tokens import TokenRules
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.errors import UsageError
from pipeline.imaging.extras import installed_formats
from pipeline.ledger import Ledger
from pipeline.ledger.specs import RecipeRow, SpecText
from pipeline.providers import provider_of
from pipeline.providers.models import model_facts
from pipeline.providers.prices import sheet_for, standard_price
from pipeline.session.account import Identity
from pipeline.session.refused_requests import refuse_impossible
from pipeline.session.sizings import detail_of, sizing_of
from pipeline.stages.values import CaptionTask


@dataclass(frozen=True, slots=True)
class CaptionSpec:
    """Spec of the captions of a run, with the values that follow from it.

    Attributes:
        recipe: how images are prepared.
        request: the fixed part of each request.
        template: the user prompt.
        spec: everything that shapes an answer, JSON-able.
        facts: what is known of the model.
        priced: gives the unit prices, None when unknown; a run without new images never asks.
        estimator: tokens of one request.
        tier: how requests are processed, which decides their price.
        standard_price: gives words for the standard price where that of the tier is unknown.
        seen: False when images may be sent as their addresses, so that nobody knows their size.
        wire_format: shapes of the service.
    """

    recipe: Recipe
    request: RequestSpec
    template: str
    spec: Mapping[str, object]
    facts: ModelFacts
    priced: Callable[[], PriceSheet | None] = field(compare=False)
    estimator: TokenRules
    tier: Tier
    standard_price: Callable[[], str] = field(compare=False)
    seen: bool = True
    wire_format: WireFormat = OPENAI_FORMAT

    @property
    def spec_id(self) -> bytes:
        """Identity of the spec, 32 bytes."""
        return hash_of(self.spec)

    @property
    def sheet(self) -> PriceSheet | None:
        """Unit prices, None when unknown."""
        return self.priced()

    def why_unbounded(self) -> str:
        """Sentence why no max cost of a request is known, with advice."""
        model = self.request.model
        if self.sheet is None:
            return unknown_price(model, self.tier, self.standard_price())
        return (
            f"how many tokens {model} takes for an image of unknown size is not known, so nothing "
            "is sent as an address under a budget: download the images with --fetch and "
            'image_mode = "bytes", or say in the configuration how they are counted, for example:\n'
            f'  [models."{model}"]\n  image = {{ rule = "tile", base = 85, tile = 170 }}'
        )

    def largest(self) -> tuple[int, int]:
        """Size in pixels that costs most of all that an image can be sent in, for bounds on unread
        ones."""
        if not self.seen:
            return UNKNOWN_SIZE
        square = self.recipe.size.choose(8192, 8192)
        wide = self.recipe.size.choose(8192, 4096)
        return max(
            square,
            wide,
            key=lambda size: self.estimator.upper_prompt(size[0], size[1], "") or 0,
        )


def build_spec(
    config: Config,
    *,
    local: bool,
    account: str,
    now: int,
    tier: Tier,
    calibration: Calibration | None = None,
    named: str | None = None,
    counter: TokenCounter = counting_each,
) -> CaptionSpec:
    """Build the spec that follows from the configuration for one model.

    Args:
        tier: how requests are processed, which decides their price.
        named: a model named by a person, also of a local configuration.
        calibration: bills of this model so far.
        counter: gives what counts tokens, for the texts that requests repeat.

    Raises:
        UsageError: the model is not served at the endpoint, or takes no such requests.
    """
    name = named or _own_model(config, local=local)
    facts = _facts(config, name)
    kind = LOCAL if local else paid_kind(config.provider.name)
    detail = detail_of(config.prompt.detail, facts)
    recipe = _recipe(config.images, facts, detail)
    request = _request(config, facts, name, tier, detail, local=local)
    wire_format = provider_of(kind.service).wire_format
    on = datetime.fromtimestamp(now, UTC)
    count = _counting(counter, request, config.prompt.user, local=local)
    return CaptionSpec(
        recipe=recipe,
        request=request,
        template=config.prompt.user,
        spec=_spec(kind.service, account, request, config.prompt.user, recipe),
        facts=facts,
        priced=cache(partial(_sheet, config, name, tier, on, local=local)),
        estimator=_estimator(wire_format, facts, request, config, calibration, count),
        tier=tier,
        standard_price=partial(standard_price, name, on),
        wire_format=wire_format,
        seen=config.input.image_mode == "bytes",
    )


def _sheet(
    config: Config, model: str, tier: Tier, on: datetime, *, local: bool
) -> PriceSheet | None:
    if local:
        return LOCAL_FREE
    online = config.online
    lane = (online.background_window, online.background_discount)
    return sheet_for(model, tier, on, config.prices, lane)


def _own_model(config: Config, *, local: bool) -> str:
    own = config.provider
    return f"captionmill-local-{own.local_model}" if local else own.model


def _facts(config: Config, name: str) -> ModelFacts:
    """Facts of a model that is served at the configured endpoint.

    Raises:
        UsageError: it is not.
    """
    facts = model_facts(name, config.models)
    if config.provider.endpoint not in facts.endpoints:
        raise UsageError(
            f"{name} is not served at {config.provider.endpoint}: set [provider] endpoint to "
            + " or ".join(facts.endpoints)
        )
    return facts


def _spec(
    service: str, account: str, request: RequestSpec, template: str, recipe: Recipe
) -> dict[str, object]:
    """Values that shape an answer, JSON-able: the identity of the spec."""
    return {
        "provider": service,
        "account": account,
        "request": request.canonical(),
        "template": template,
        "recipe": recipe.canonical(),
    }


def _sizing(images: ImagesConfig, facts: ModelFacts, detail: Detail) -> Sizing:
    target = images.sizing
    policy = SizePolicy(target.kind, target.value, min_sent_side=images.min_sent_side)
    return sizing_of(policy, facts, detail)


def _estimator(
    wire_format: WireFormat,
    facts: ModelFacts,
    request: RequestSpec,
    config: Config,
    calibration: Calibration | None,
    count: CountTokens,
) -> TokenRules:
    return wire_format.estimator(
        facts,
        request.detail,
        request.max_completion_tokens,
        system=request.system,
        schema=_schema_text(request),
        margin=margin(config.budget.estimate_margin, calibration),
        guess_ratio=Decimal(1) if calibration is None else calibration.guess_ratio,
        count=count,
    )


def _counting(
    counter: TokenCounter, request: RequestSpec, template: str, *, local: bool
) -> CountTokens:
    """Function that counts the tokens of the requests' texts."""
    if local:  # the free model has no bill to meet
        return estimated_tokens
    return counter(frozenset((request.system, _schema_text(request), template)))


def _schema_text(request: RequestSpec) -> str:
    return json.dumps(request.schema) if request.schema else ""


def _recipe(images: ImagesConfig, facts: ModelFacts, detail: Detail) -> Recipe:
    red, green, blue = (int(images.background[i : i + 2], 16) for i in (1, 3, 5))
    return Recipe(
        size=_sizing(images, facts, detail),
        quality=images.quality,
        subsampling=images.subsampling,
        background=(red, green, blue),
        frame=images.frame,
        on_damage=images.on_damage,
        pass_through=images.pass_through,
        caps=ImageLimits(
            max_file_bytes=images.max_file_bytes,
            max_pixels=images.max_pixels,
            max_side=images.max_side,
            min_side=images.min_side,
            min_sent_side=min(images.min_sent_side, images.sizing.value or images.min_sent_side),
        ),
        perceptual_hash=images.near_duplicates is not None,
        formats=DEFAULT_FORMATS | installed_formats(),
    )


def _request(
    config: Config, facts: ModelFacts, model: str, tier: Tier, detail: Detail, *, local: bool
) -> RequestSpec:
    prompt = config.prompt
    effort = prompt.reasoning_effort or facts.reasoning_effort
    request = RequestSpec(
        endpoint=config.provider.endpoint,
        model=model,
        system=prompt.system,
        max_completion_tokens=prompt.max_completion_tokens,
        max_tokens_parameter=facts.max_tokens_parameter,
        detail=detail,
        schema=prompt.answer_schema,
        temperature=prompt.temperature if facts.may_send_temperature(effort) else None,
        reasoning_effort=effort,
        explicit_cache=facts.prompt_cache_options,
        service_tier="flex" if tier == "flex" and not local else None,
        background_window=config.online.background_window if tier == "background" else "",
        body_extras={} if local else config.provider.body_extras,
    )
    if not local:
        refuse_impossible(request, facts)
    return request


def recorded_task(
    ledger: Ledger,
    identity: Identity,
    spec: CaptionSpec,
    recipe: RecipeRow,
    sources: tuple[int, ...],
    now: int,
) -> CaptionTask:
    """Task of the sources' images under `spec`, which the ledger learns at `now`."""
    request = spec.request
    text = SpecText(identity.provider, identity.account, request.model, request.endpoint)
    return CaptionTask(
        sources=sources,
        spec=ledger.specs.spec(spec.spec, text, now),
        spec_id=spec.spec_id,
        recipe=recipe,
        template=spec.template,
    )
