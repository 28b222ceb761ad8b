"""Options of writing shards, and the template of one request in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.packing import ShardLimits
from pipeline.core.request import RequestSpec
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.records import Nano
from pipeline.stages.send_limit import SendLimit


class RequestTemplate(Struct, frozen=True):
    """Template of one request.

    Attributes:
        request: the body's fixed part.
        estimator: tokens and cost of one request.
        wire_format: shapes of the service.
    """

    request: RequestSpec
    estimator: CostEstimator
    wire_format: WireFormat = OPENAI_FORMAT


class ShardOptions(Struct, frozen=True):
    """Options of writing shards.

    Attributes:
        request_template: for a first attempt.
        again: the template of a further attempt, by the outcome of the last one and the number of
            attempts so far: a longer answer, another detail, another model.
        limits: bounds of a shard.
        folder: where shards are written.
        room: called for each shard: nano-dollars that may still be reserved, None = no cap.
        shortage: sentence about requests without room: what they may cost, and how many they are.
        least: called for a shard that the budget ends: with fewer requests it is not sent.
        first: requests of the first shard, None: as many as of the others.
        prefix: of the shards' keys.
        limit: of the images that the run may send.
    """

    request_template: RequestTemplate
    again: Callable[[str, int], RequestTemplate]
    limits: ShardLimits
    folder: Path
    room: Callable[[], Nano | None]
    shortage: Callable[[Nano, int], str] = lambda _needed, _requests: "the budget has no room"
    least: Callable[[], int] = lambda: 1
    first: int | None = None
    prefix: str = ""
    check_stop: Callable[[], None] = lambda: None
    limit: SendLimit = field(default_factory=SendLimit)

    @property
    def first_limits(self) -> ShardLimits:
        """Bounds of the first shard."""
        if self.first is None:
            return self.limits
        return replace(self.limits, requests=min(self.first, self.limits.requests))
