"""Templates of requests: of a first attempt, and of further ones by the retry rules."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.retry import RetryRule
from pipeline.session.spec import CaptionSpec
from pipeline.session.spec_factory import SpecChange
from pipeline.stages.shard_options import RequestTemplate


def request_template(caption_spec: CaptionSpec) -> RequestTemplate:
    """Template of a first attempt."""
    estimator = CostEstimator(caption_spec.estimator, caption_spec.priced)
    return RequestTemplate(caption_spec.request, estimator, caption_spec.wire_format)


def retry_templates(
    rules: Mapping[str, RetryRule],
    caption_spec: CaptionSpec,
    changed_spec: Callable[[SpecChange], CaptionSpec],
) -> Callable[[str, int], RequestTemplate]:
    """Function that gives the template of a further attempt, by outcome and attempts so far.

    Args:
        changed_spec: makes the spec of a change to the one in force.
    """

    @functools.cache
    def again(outcome: str, attempts: int) -> RequestTemplate:
        rule = rules.get(outcome, RetryRule())
        if rule == RetryRule(attempts=rule.attempts):
            return request_template(caption_spec)
        longest = caption_spec.request.max_completion_tokens
        for _ in range(attempts):
            longest = longest * rule.raise_max_completion_tokens // 100
        change = SpecChange(model=rule.model, max_completion_tokens=longest, detail=rule.detail)
        return request_template(changed_spec(change))

    return again
