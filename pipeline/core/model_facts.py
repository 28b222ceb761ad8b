"""Facts about a model that the rest of the product needs."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from pipeline.core.image_tokens import Detail, ImageRule

UNKNOWN_FAMILY = "*"
_RESPONSES_LEAST = 16  # max_output_tokens of /v1/responses


class ModelFacts(Struct, frozen=True):
    """One model as the catalogue and the configuration describe it.

    Attributes:
        model: the name as asked for.
        family: the most specific pattern that described it, "*" for an unknown model.
        image_rule: how image tokens are counted, None when unknown.
        detail: the detail to send unless the user chose one; never "auto".
        reasoning_effort: the effort to send for captions, None: send none at all.
        temperature: whether a temperature may be sent together with that effort.
        prompt_cache_options: whether the model knows `prompt_cache_options`.
        max_tokens_parameter: name of the parameter that limits the completion.
        enqueued_tokens: prompt tokens that may wait in unfinished batches (the smallest tier's).
        endpoints: the batch endpoints that the model serves.
        shutdown: the day on which the service turns the model off, None when none is announced.
        whole_endings: further words with which its answers end when they are whole.
        reasoning_efforts: efforts that it takes, () when it does not reason, None: unknown.
        min_completion_tokens: fewer bring no text, None: unknown; `own_minimum` when the user says
            so, whatever the endpoint takes.
    """

    model: str
    family: str
    image_rule: ImageRule | None
    detail: Detail
    reasoning_effort: str | None
    temperature: bool
    prompt_cache_options: bool
    max_tokens_parameter: str
    enqueued_tokens: int
    endpoints: tuple[str, ...]
    shutdown: date | None
    whole_endings: frozenset[str] = frozenset()
    reasoning_efforts: tuple[str, ...] | None = None
    min_completion_tokens: int | None = None
    own_minimum: bool = False

    def least_tokens(self, endpoint: str) -> int:
        """Fewest completion tokens that a request may ask for; 1 where nothing is known."""
        least = self.min_completion_tokens or 1
        floor = self.family != UNKNOWN_FAMILY and endpoint == "/v1/responses"
        return max(least, _RESPONSES_LEAST) if floor and not self.own_minimum else least

    def may_send_temperature(self, effort: str | None) -> bool:
        """Decide if a temperature may go with this effort: reasoning models refuse the pair."""
        return self.temperature and effort in (None, "none")

    def shutdown_warning(self, today: date, days: int = 90) -> str | None:
        """One sentence for the user when the model is gone or goes within `days`, else None."""
        if self.shutdown is None or (self.shutdown - today).days > days:
            return None
        if today >= self.shutdown:
            return f"{self.model} was shut down on {self.shutdown}: choose another model"
        left = (self.shutdown - today).days
        return f"{self.model} is shut down on {self.shutdown}, in {left} days: plan to change it"
