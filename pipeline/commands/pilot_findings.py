"""Findings of a pilot, as values that pages and terminals show."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.core.sampling import Interval, total_of
from pipeline.ledger.images import SeenImage
from pipeline.ledger.samples import SampleAnswer
from pipeline.records import Nano
from pipeline.session.report import Report


class Picked(Struct, frozen=True):
    """Image of the sample, with the size in pixels that it is sent in; all zero when its
    address is sent."""

    image: SeenImage
    source_id: bytes
    width: int
    height: int
    source_width: int
    source_height: int


class Variant(Struct):
    """One model and prompt, and its results for the sample.

    Attributes:
        name: the model, or the prompt's name, as a person named it.
        prompt: the prompt's name when several are compared, else "".
        results: one for each image of the sample, in its order.
        batch, online: a price sheet each, None when unknown; `tier` is the online one's.
        total_batch, total_online: cost of all images.
    """

    name: str
    model: str
    prompt: str
    tier: str
    batch: PriceSheet | None
    online: PriceSheet | None
    results: list[SampleAnswer] = field(default_factory=list)
    total_batch: Interval | None = None
    total_online: Interval | None = None

    @property
    def outcomes(self) -> Counter[str]:
        """Images by outcome."""
        return Counter(result.outcome for result in self.results)

    @property
    def answered(self) -> list[SampleAnswer]:
        """Results that name their tokens: costs are measured by them."""
        return [result for result in self.results if result.usage.prompt]

    def tokens(self) -> tuple[int, int]:
        """Mean prompt and completion tokens of an answer, rounded."""
        count = max(1, len(self.answered))
        prompt = sum(result.usage.prompt for result in self.answered)
        return round(prompt / count), round(
            sum(result.usage.completion for result in self.answered) / count
        )

    def per_thousand(self, sheet: PriceSheet | None) -> Nano | None:
        """Nano-dollars for a thousand images at a price sheet."""
        costs = self._costs(sheet)
        return -(-1000 * sum(costs) // len(costs)) if costs else None

    def estimate(self, population: int) -> None:
        """Set the cost of `population` images."""
        self.total_batch = total_of(self._costs(self.batch), population)
        self.total_online = total_of(self._costs(self.online), population)

    def _costs(self, sheet: PriceSheet | None) -> list[Nano]:
        return [] if sheet is None else [line_cost(result.usage, sheet) for result in self.answered]


class Findings(Struct):
    """Findings of a pilot.

    Attributes:
        images: usable images of the whole set; `expected` of them can be captioned, as far as
            the candidates show.
        read, rejected: candidates that were read, and those that cannot be captioned, by reason.
        sample: the images, with a small picture of each as a data URL.
        spent: nano-dollars of this pilot, as far as settled.
        report: problems and exit code.
    """

    images: int
    expected: int
    read: int
    rejected: Counter[str]
    sample: list[Picked]
    thumbnails: list[str]
    variants: list[Variant]
    spent: Nano
    local: bool
    report: Report
