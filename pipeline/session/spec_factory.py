"""Factory of caption specs: the configuration, and changes to it for one model or variant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from pipeline.config import Config
from pipeline.config.section import Section
from pipeline.core.calibration import Calibration
from pipeline.core.image_tokens import Detail
from pipeline.core.model_facts import ModelFacts
from pipeline.core.pricing import Tier
from pipeline.core.prompt import put_values, template_fields
from pipeline.core.provider_kinds import paid_kind
from pipeline.core.text_tokens import TokenCounter, counting_each
from pipeline.session.sizings import detail_of
from pipeline.session.spec import CaptionSpec, build_spec

_SectionT = TypeVar("_SectionT", bound=Section)


class SpecChange(Struct, frozen=True):
    """Changes to the configured request; None leaves it.

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
        """Change that does both; the later one wins."""
        changed = {key: value for key, value in asdict(later).items() if value is not None}
        return replace(self, **changed)

    def applied(self, config: Config) -> Config:
        """Configuration with these changes, but for the tier."""
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


class SpecFactory(Struct, frozen=True):
    """Factory of caption specs, from the configuration and changes to it.

    Attributes:
        config: prompt, preparation, models and prices.
        tier: how requests are processed when a change does not say.
        columns: the source's columns, which win over `[prompt] values` of their name.
    """

    config: Config
    tier: Tier
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config) -> SpecFactory:
        """Take the factory from a configuration."""
        online = paid_kind(config.provider.name).online
        return cls(config, config.online.tier if online else "batch")

    def online_only(self) -> SpecFactory:
        """Factory for requests that are answered at once: a person waits for them."""
        tier = self.config.online.tier
        return replace(self, tier="standard" if tier == "background" else tier)

    def outranked(self, template: str) -> list[str]:
        """Names of `[prompt] values` that a built template leaves to the source's columns."""
        return [name for name in template_fields(template) if name in self.prompt_values]

    @property
    def prompt_values(self) -> Mapping[str, str]:
        """Values of `[prompt] values` by name."""
        return self.config.prompt.values

    def _with_values(self, config: Config) -> Config:
        """Configuration whose prompt holds its values, so that they are part of the spec where
        the prompt names them, and only there."""
        prompt = config.prompt
        values = {name: v for name, v in prompt.values.items() if name not in self.columns}
        user = put_values(prompt.user, values)
        return config.model_copy(update={"prompt": _updated(prompt, {"user": user})})

    @property
    def max_completion_tokens(self) -> int:
        """Limit of tokens of an answer, as configured."""
        return self.config.prompt.max_completion_tokens

    def detail(self, facts: ModelFacts) -> Detail:
        """Detail that is sent to a model."""
        return detail_of(self.config.prompt.detail, facts)

    @property
    def model(self) -> str:
        """Name of the configured model."""
        return self.config.provider.model

    def build(
        self,
        *,
        local: bool,
        account: str,
        now: int,
        change: SpecChange = NO_CHANGE,
        named: str | None = None,
        calibrations: Iterable[Calibration] = (),
        counter: TokenCounter = counting_each,
    ) -> CaptionSpec:
        """Build the spec of the configured model, or of the changed one.

        Args:
            now: seconds, for the prices of the day.
            named: a model named by a person, also where the local one would answer.
            calibrations: bills so far; see `Answers.calibration`.
            counter: see `build_spec`.

        Raises:
            UsageError: the model is not served at the endpoint, or not with this detail or size.
        """
        changed = self._with_values(change.applied(self.config))
        return build_spec(
            changed,
            local=local,
            account=account,
            now=now,
            tier=change.tier or self.tier,
            calibration=Calibration.of(calibrations, named or changed.provider.model),
            named=named,
            counter=counter,
        )
