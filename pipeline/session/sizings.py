"""Sizes and details in which images are sent to a model, and the ways to size them that estimates
compare."""

from __future__ import annotations

from pipeline.core.image_tokens import Detail, UnsupportedDetail
from pipeline.core.model_facts import ModelFacts
from pipeline.core.size_limits import ImpossibleTarget, bind_size
from pipeline.core.sizing import SizePolicy, Sizing
from pipeline.errors import UsageError
from pipeline.stages.compare import NamedSizing


def detail_of(configured: Detail, facts: ModelFacts) -> Detail:
    """Detail that is sent, never "auto": what it means differs from model to model, and for
    newer ones it is the dearest."""
    return facts.detail if configured == "auto" else configured


def sizing_of(policy: SizePolicy, facts: ModelFacts, detail: Detail) -> Sizing:
    """Sizing of images for a model.

    Raises:
        UsageError: the model does not know the detail, or no image is that cheap.
    """
    try:
        return bind_size(policy, facts.image_rule, detail)
    except UnsupportedDetail as error:
        raise UsageError(f"{facts.model} does not know detail {detail!r}: {error}") from None
    except ImpossibleTarget as error:
        raise UsageError(f"[images] target: {error}") from None


def policies(facts: ModelFacts, detail: Detail) -> list[NamedSizing]:
    """Sizings to be compared: some long sides, as the model sees it, originals."""
    ways = [(f"long side {side}", SizePolicy("long_side", side)) for side in (512, 768, 1024)]
    ways.append(("as the model sees it", SizePolicy("model", None)))
    sizings = [NamedSizing(name, sizing_of(policy, facts, detail).choose) for name, policy in ways]
    return [*sizings, NamedSizing("originals", lambda width, height: (width, height))]
