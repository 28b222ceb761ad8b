"""Catalogue of models: `models.toml`, overridden by tables of the same form.

Tables cascade: every pattern that matches a model applies, from the least to the most specific
one, first the catalogue's, then the configuration's. The table `image` is merged key by key as
well, unless it names another rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from pipeline.core.catalogue import LimitTable, ModelTable
from pipeline.core.image_tokens import ImageRule, PatchLimit, PatchRule, TileRule
from pipeline.core.model_facts import ModelFacts
from pipeline.errors import UsageError

_SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
_WILD = re.compile(r"\*|\?|\[.*?\]")


def model_facts(model: str, overrides: Mapping[str, ModelTable] | None = None) -> ModelFacts:
    """Facts of `model`; an unknown one gets no image rule and careful settings.

    Args:
        model: its name as it is sent to the service.
        overrides: tables `[models."PATTERN"]` of the configuration.

    Raises:
        UsageError: the image rule is not complete; the message names its key.
    """
    tables, catalogue = overrides or {}, _catalogue()
    own = [tables[pattern] for pattern in _matching(tables, model)]
    like = next((table.like for table in reversed(own) if table.like), model)
    described = _matching(catalogue, like)
    merged = _merged([*(catalogue[pattern] for pattern in described), *own])
    return ModelFacts(
        model=model,
        family=described[-1],
        image_rule=_image_rule(model, merged["image"]),
        detail=merged["detail"],
        reasoning_effort=merged.get("reasoning_effort"),
        temperature=merged["temperature"],
        prompt_cache_options=merged["prompt_cache_options"],
        max_tokens_parameter=merged["max_tokens_parameter"],
        enqueued_tokens=merged["enqueued_tokens"],
        whole_endings=frozenset(merged.get("whole_endings", ())),
        reasoning_efforts=merged.get("reasoning_efforts"),
        min_completion_tokens=merged.get("min_completion_tokens"),
        own_minimum=any(table.min_completion_tokens for table in own),
        endpoints=merged["endpoints"],
        shutdown=merged.get("shutdown"),
    )


@cache
def _catalogue() -> dict[str, ModelTable]:
    text = resources.files("pipeline.providers").joinpath("models.toml").read_text("utf-8")
    tables = tomllib.loads(text)["models"]
    return {pattern: ModelTable.model_validate(table) for pattern, table in tables.items()}


def _merged(tables: Iterable[ModelTable]) -> dict[str, Any]:
    """Values by key, later tables over earlier ones; keys that are not given change nothing."""
    merged: dict[str, Any] = {"image": {}}
    for table in tables:
        override = table.image.set_values() if table.image else {}
        image = _merged_image(merged["image"], override)
        merged = {**merged, **table.set_values(), "image": image}
    return merged


def _matching(tables: Mapping[str, object], model: str) -> list[str]:
    """Patterns that describe `model`, the least specific one first."""
    names = {model.lower(), _base_name(model.lower())}
    matching = (
        pattern for pattern in tables if any(fnmatchcase(name, pattern.lower()) for name in names)
    )
    return sorted(matching, key=_specificity)


def _specificity(pattern: str) -> tuple[int, bool]:
    literal = _WILD.sub("", pattern)
    return len(literal), literal == pattern


def _base_name(model: str) -> str:
    """Family's name of a snapshot (gpt-4o-2024-08-06) or a fine-tune (ft:gpt-4o:us::id)."""
    if model.startswith("ft:"):
        model = model.split(":")[1]
    return _SNAPSHOT.sub("", model)


def _merged_image(before: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    if "rule" in override and override["rule"] != before.get("rule"):
        return override
    return {**before, **override}


def _image_rule(model: str, image: dict[str, Any]) -> ImageRule | None:
    """Rule of a merged table `image`; None when there is none."""
    if not image:
        return None
    kind = image.get("rule")
    needed = {"patch": ("multiplier", "low", "high"), "tile": ("base", "tile")}.get(str(kind))
    if needed is None:
        raise UsageError(f'models."{model}".image.rule is missing: write "patch" or "tile"')
    for key in needed:
        if key not in image:
            raise UsageError(f'models."{model}".image.{key} is missing for the rule "{kind}"')
    values: dict[str, Any] = {
        key: PatchLimit(**value.set_values()) if isinstance(value, LimitTable) else value
        for key, value in image.items()
        if key != "rule"
    }
    try:
        return PatchRule(**values) if kind == "patch" else TileRule(**values)
    except TypeError:
        surplus = ", ".join(sorted(set(values) - set(needed)))
        message = f'models."{model}".image: {surplus} does not belong to the rule "{kind}"'
        raise UsageError(message) from None
