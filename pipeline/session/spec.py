"""What a configuration asks for: model, prompt, preparation and price as one identity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from pipeline.config import Config
from pipeline.config.section import Section
from pipeline.core.identity import hash_of
from pipeline.core.image_tokens import UNKNOWN_SIZE, Detail, UnsupportedDetail
from pipeline.core.model_facts import ModelFacts
from pipeline.core.pricing import LOCAL_FREE, PriceSheet, Tier
from pipeline.core.provider_kinds import LOCAL, paid_kind
from pipeline.core.recipe import DEFAULT_FORMATS, Recipe
from pipeline.core.recipe import ImageLimits as ImageLimits
from pipeline.core.request import RequestSpec
from pipeline.core.sizing import ImpossibleTarget, SizePolicy, Sizing, bind_size
from pipeline.core.tokens import RequestEstimator
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.errors import UsageError
from pipeline.imaging.extras import installed_formats
from pipeline.providers import SERVICES
from pipeline.providers.models import model_facts
from pipeline.providers.prices import sheet_for
from pipeline.stages.compare import NamedSizing

_SectionT = TypeVar("_SectionT", bound=Section)
_RAISE_MARGIN_ABOVE = Decimal("1.25")  # billed / estimated prompt tokens


@dataclass(frozen=True, slots=True)
class CaptionSpec:
    """What the configuration asks for, as identities and values.

    Attributes:
        recipe: how images are prepared.
        request: the fixed part of each request.
        template: the user prompt.
        spec: everything that shapes an answer, JSON-able.
        facts: what is known of the model.
        sheet: unit prices, None when unknown.
        estimator: tokens of one request.
        configured_tokens: the most that an answer may take, as configured.
        seen: False when images may be sent as their addresses, so that nobody knows their size.
        wire_format: shapes of the service.
    """

    recipe: Recipe
    request: RequestSpec
    template: str
    spec: Mapping[str, object]
    facts: ModelFacts
    sheet: PriceSheet | None
    estimator: RequestEstimator
    seen: bool = True
    configured_tokens: int = 0
    wire_format: WireFormat = OPENAI_FORMAT

    @property
    def spec_id(self) -> bytes:
        """32 bytes: the identity of the spec."""
        return hash_of(self.spec)

    def why_unbounded(self) -> str:
        """Why no highest cost of a request is known, and what to do."""
        model = self.request.model
        if self.sheet is None:
            return (
                f"the price of {model} is unknown, so nothing is sent under a budget: "
                f'add [prices."{model}"] to the configuration'
            )
        return (
            f"how many tokens {model} takes for an image of unknown size is not known, so nothing "
            f'is sent as an address under a budget: add [models."{model}".image] to the '
            'configuration, or download the images with --fetch and image_mode = "bytes"'
        )

    def largest(self) -> tuple[int, int]:
        """The dearest size that any image can be sent in, for bounds on unread ones."""
        if not self.seen:
            return UNKNOWN_SIZE
        square = self.recipe.size.choose(8192, 8192)
        wide = self.recipe.size.choose(8192, 4096)
        return max(
            square,
            wide,
            key=lambda size: self.estimator.estimate(size[0], size[1], "").upper_prompt or 0,
        )


@dataclass(frozen=True, slots=True)
class SpecChange:
    """Changes to what is configured; None leaves it.

    Attributes:
        user: the template of the prompt.
        tier: how requests are processed, which decides their price.
    """

    model: str | None = None
    user: str | None = None
    tier: Tier | None = None
    max_completion_tokens: int | None = None
    detail: Detail | None = None

    def then(self, later: SpecChange) -> SpecChange:
        """Both changes; the later one wins."""
        changed = {f.name: getattr(later, f.name) for f in fields(later)}
        return replace(self, **{k: v for k, v in changed.items() if v is not None})

    def applied(self, config: Config) -> Config:
        """The configuration with these changes, but for the tier."""
        prompt = {
            "user": self.user,
            "max_completion_tokens": self.max_completion_tokens,
            "detail": self.detail,
        }
        return config.model_copy(
            update={
                "provider": _updated(config.provider, {"model": self.model}),
                "prompt": _updated(config.prompt, prompt),
            }
        )


NO_CHANGE = SpecChange()


def _updated(section: _SectionT, changes: Mapping[str, object]) -> _SectionT:
    return section.model_copy(update={k: v for k, v in changes.items() if v is not None})


@dataclass(frozen=True, slots=True)
class SpecFactory:
    """Makes what is asked of one model, from the configuration and changes to it.

    Attributes:
        config: prompt, preparation, models and prices.
        tier: how requests are processed when a change does not say.
    """

    config: Config
    tier: Tier

    @classmethod
    def of(cls, config: Config) -> SpecFactory:
        """The factory of a configuration."""
        online = paid_kind(config.provider.name).online
        return cls(config, config.online.tier if online else "batch")

    def online_only(self) -> SpecFactory:
        """The same for requests that are answered at once."""
        return replace(self, tier=self.config.online.tier)

    @property
    def max_completion_tokens(self) -> int:
        """The most that an answer may take, as configured."""
        return self.config.prompt.max_completion_tokens

    def detail(self, facts: ModelFacts) -> Detail:
        """The detail that is sent to a model."""
        return detail_of(self.config.prompt.detail, facts)

    @property
    def model(self) -> str:
        """The configured model."""
        return self.config.provider.model

    def build(
        self,
        *,
        local: bool,
        account: str,
        now: int,
        change: SpecChange = NO_CHANGE,
        named: str | None = None,
        calibrations: Iterable[tuple[str, int, int, int]] = (),
    ) -> CaptionSpec:
        """The spec of the configured model, or of the changed one.

        Args:
            now: seconds, for the prices of the day.
            named: a model asked for by name, also where the local one would answer.
            calibrations: bills so far; see `Answers.calibration`.

        Raises:
            UsageError: the model is not served at the endpoint, or not with this detail or size.
        """
        changed = change.applied(self.config)
        return build_spec(
            changed,
            local=local,
            account=account,
            now=now,
            tier=change.tier or self.tier,
            calibration=ratio(calibrations, named or changed.provider.model),
            named=named,
        )


def build_spec(
    config: Config,
    *,
    local: bool,
    account: str,
    now: int,
    tier: Tier,
    calibration: Decimal | None = None,
    named: str | None = None,
) -> CaptionSpec:
    """Everything that follows from the configuration for one model.

    Args:
        tier: how requests are processed, which decides their price.
        named: a model that is asked for by name, also of a local configuration.
        calibration: billed / estimated prompt tokens of this model so far.

    Raises:
        UsageError: the model is not served at the endpoint, or not with this detail or size.
    """
    own = f"captionmill-local-{config.provider.local_model}" if local else config.provider.model
    name = named or own
    facts = model_facts(name, config.models)
    if config.provider.endpoint not in facts.endpoints:
        raise UsageError(
            f"{name} is not served at {config.provider.endpoint}: set [provider] endpoint to "
            + " or ".join(facts.endpoints)
        )
    kind = LOCAL if local else paid_kind(config.provider.name)
    prompt = config.prompt
    recipe = _recipe(config, _sizing(config, facts))
    request = _request(config, facts, name, tier, local=local)
    return CaptionSpec(
        recipe=recipe,
        request=request,
        template=prompt.user,
        spec=_spec(kind.service, account, request, prompt.user, recipe),
        facts=facts,
        sheet=LOCAL_FREE if local else _sheet(config, name, tier, now),
        estimator=_estimator(SERVICES[kind.service].wire_format, config, facts, calibration),
        wire_format=SERVICES[kind.service].wire_format,
        seen=config.input.image_mode == "bytes",
        configured_tokens=prompt.max_completion_tokens,
    )


def _spec(
    service: str, account: str, request: RequestSpec, template: str, recipe: Recipe
) -> dict[str, object]:
    """Everything that shapes an answer."""
    return {
        "provider": service,
        "account": account,
        "request": request.canonical(),
        "template": template,
        "recipe": recipe.canonical(),
    }


def detail_of(asked: Detail, facts: ModelFacts) -> Detail:
    """The detail that is sent. Never "auto": what it means differs from model to model, and for
    newer ones it is the dearest."""
    return facts.detail if asked == "auto" else asked


def sizing_of(policy: SizePolicy, facts: ModelFacts, detail: Detail) -> Sizing:
    """How images are sized for a model.

    Raises:
        UsageError: the model does not know the detail, or no image is that cheap.
    """
    try:
        return bind_size(policy, facts.image_rule, detail)
    except UnsupportedDetail as error:
        raise UsageError(f"{facts.model} does not know detail {detail!r}: {error}") from None
    except ImpossibleTarget as error:
        raise UsageError(f"[images] target: {error}") from None


def _sizing(config: Config, facts: ModelFacts) -> Sizing:
    target = config.images.sizing
    policy = SizePolicy(target.kind, target.value, min_sent_side=config.images.min_sent_side)
    return sizing_of(policy, facts, detail_of(config.prompt.detail, facts))


def policies(facts: ModelFacts, detail: Detail) -> list[Policy]:
    """Ways to size images, to be compared: some long sides, as the model sees it, originals."""
    ways = [(f"long side {side}", SizePolicy("long_side", side)) for side in (512, 768, 1024)]
    ways.append(("as the model sees it", SizePolicy("model", None)))
    found = [NamedSizing(name, sizing_of(policy, facts, detail).choose) for name, policy in ways]
    return [*found, NamedSizing("originals", lambda width, height: (width, height))]


def _estimator(
    wire_format: WireFormat, config: Config, facts: ModelFacts, calibration: Decimal | None
) -> RequestEstimator:
    prompt = config.prompt
    return wire_format.estimator(
        facts,
        detail_of(prompt.detail, facts),
        prompt.max_completion_tokens,
        system=prompt.system,
        schema=json.dumps(prompt.answer_schema) if prompt.answer_schema else "",
        margin=margin(config.budget.estimate_margin, calibration),
    )


def ratio(calibration: Iterable[tuple[str, int, int, int]], model: str) -> Decimal | None:
    """Billed / estimated prompt tokens of a model (see `Answers.calibration`), None without any."""
    found = (
        Decimal(billed) / max(1, estimated)
        for name, estimated, billed, _ in calibration
        if name == model
    )
    return next(found, None)


def margin(configured: Decimal, calibration: Decimal | None) -> Decimal:
    """The margin of reservations: it rises by itself when bills exceed estimates by 25 %."""
    if calibration is None or calibration <= _RAISE_MARGIN_ABOVE:
        return configured
    return max(configured, calibration - 1 + Decimal("0.1"))


def _recipe(config: Config, size: object) -> Recipe:
    images = config.images
    red, green, blue = (int(images.background[i : i + 2], 16) for i in (1, 3, 5))
    return Recipe(
        size=size,  # type: ignore[arg-type]
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
    config: Config, facts: ModelFacts, model: str, tier: Tier, *, local: bool
) -> RequestSpec:
    prompt = config.prompt
    effort = prompt.reasoning_effort or facts.reasoning_effort
    return RequestSpec(
        endpoint=config.provider.endpoint,
        model=model,
        system=prompt.system,
        max_completion_tokens=prompt.max_completion_tokens,
        max_tokens_parameter=facts.max_tokens_parameter,
        detail=detail_of(prompt.detail, facts),
        schema=prompt.answer_schema,
        temperature=prompt.temperature if facts.may_send_temperature(effort) else None,
        reasoning_effort=effort,
        explicit_cache=facts.prompt_cache_options,
        service_tier="flex" if tier == "flex" and not local else None,
        body_extras={} if local else config.provider.body_extras,
    )


def _sheet(config: Config, model: str, tier: Tier, now: int) -> PriceSheet | None:
    return sheet_for(model, tier, datetime.fromtimestamp(now, UTC), config.prices)
