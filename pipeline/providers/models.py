"""The catalogue of models: `models.toml`, overridden by tables of the same form.

Tables cascade: every pattern that matches a model applies, from the least to the most specific
one, first the catalogue's, then the configuration's. The table `image` is merged key by key as
well, unless it names another rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

from pipeline.core.image_tokens import ImageRule, PatchLimit, PatchRule, TileRule
from pipeline.core.model_facts import ModelFacts
from pipeline.errors import UsageError

Parser = Callable[[str, object], Any]

_SNAPSHOT = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
_WILD = re.compile(r"\*|\?|\[.*?\]")


def model_facts(
    model: str, overrides: Mapping[str, Mapping[str, object]] | None = None
) -> ModelFacts:
    """What is known about `model`; an unknown one gets no image rule and careful settings.

    Args:
        model: its name as it is sent to the service.
        overrides: tables `[models."PATTERN"]` of the configuration. Besides the catalogue's keys
            they know `like`: a model whose description applies to this one too.

    Raises:
        UsageError: an override is wrong; the message names its key.
    """
    tables = overrides or {}
    own = [
        _parse(f'models."{pattern}"', tables[pattern], {**_FIELDS, "like": _text})
        for pattern in _matching(tables, model)
    ]
    like = next((table["like"] for table in reversed(own) if "like" in table), model)
    described = _matching(_catalog(), like)
    merged: dict[str, Any] = {}
    for table in [*(_catalog()[pattern] for pattern in described), *own]:
        image = _merged_image(merged.get("image", {}), table.get("image", {}))
        merged = {**merged, **table, "image": image}
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
        endpoints=merged["endpoints"],
        shutdown=merged.get("shutdown"),
    )


@cache
def _catalog() -> dict[str, dict[str, Any]]:
    text = resources.files("pipeline.providers").joinpath("models.toml").read_text("utf-8")
    return {
        pattern: _parse(f'models."{pattern}"', table, _FIELDS)
        for pattern, table in tomllib.loads(text)["models"].items()
    }


def _matching(tables: Mapping[str, object], model: str) -> list[str]:
    """The patterns that describe `model`, the least specific one first."""
    names = {model.lower(), _base_name(model.lower())}
    found = [
        pattern for pattern in tables if any(fnmatchcase(name, pattern.lower()) for name in names)
    ]
    return sorted(found, key=_specificity)


def _specificity(pattern: str) -> tuple[int, bool]:
    literal = _WILD.sub("", pattern)
    return len(literal), literal == pattern


def _base_name(model: str) -> str:
    """The family's name of a snapshot (gpt-4o-2024-08-06) or a fine-tune (ft:gpt-4o:us::id)."""
    if model.startswith("ft:"):
        model = model.split(":")[1]
    return _SNAPSHOT.sub("", model)


def _merged_image(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    if "rule" in given and given["rule"] != known.get("rule"):
        return given
    return {**known, **given}


def _image_rule(model: str, image: dict[str, Any]) -> ImageRule | None:
    """The rule of a merged table `image`; None when there is none."""
    if not image:
        return None
    kind = image.get("rule")
    needed = {"patch": ("multiplier", "low", "high"), "tile": ("base", "tile")}.get(str(kind))
    if needed is None:
        raise UsageError(f'models."{model}".image.rule is missing: write "patch" or "tile"')
    for key in needed:
        if key not in image:
            raise UsageError(f'models."{model}".image.{key} is missing for the rule "{kind}"')
    try:
        values = {key: value for key, value in image.items() if key != "rule"}
        return PatchRule(**values) if kind == "patch" else TileRule(**values)
    except TypeError:
        surplus = ", ".join(sorted(set(values) - set(needed)))
        message = f'models."{model}".image: {surplus} does not belong to the rule "{kind}"'
        raise UsageError(message) from None


def _parse(where: str, table: object, parsers: Mapping[str, Parser]) -> dict[str, Any]:
    """The values of a table, parsed; None stands for a key that is not given."""
    if not isinstance(table, Mapping):
        raise _wrong(where, table, "a table")
    for key in table:
        if key not in parsers:
            raise UsageError(f"{where}.{key} is not known; the keys are {', '.join(parsers)}")
    return {
        key: parsers[key](f"{where}.{key}", value)
        for key, value in table.items()
        if value is not None
    }


def _wrong(where: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{where} is {value!r}: write {wanted}")


def _choice(*allowed: str) -> Parser:
    def parse(where: str, value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _wrong(where, value, f"one of {', '.join(allowed)}")
        return value

    return parse


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(where, value, "a name")
    return value


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(where, value, "a whole number of at least 1")
    return value


def _factor(where: str, value: object) -> Fraction:
    """An exact number as it is written: 1.2 is 6/5, whether it comes as text or as a float."""
    wanted = "a number from 0.01 to 1000"
    try:
        number = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise _wrong(where, value, wanted) from None
    if not Fraction(1, 100) <= number <= 1000:
        raise _wrong(where, value, wanted)
    return number


def _day(where: str, value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise _wrong(where, value, "a day such as 2027-01-14") from None


def _endpoints(where: str, value: object) -> tuple[str, ...]:
    parse = _choice("/v1/chat/completions", "/v1/responses")
    if not isinstance(value, list | tuple) or not value:
        raise _wrong(where, value, "a list of endpoints")
    return tuple(parse(where, endpoint) for endpoint in value)


def _limit(where: str, value: object) -> PatchLimit:
    parsed = _parse(where, value, {"max_side": _whole, "max_patches": _whole})
    if "max_side" not in parsed:
        raise UsageError(f"{where}.max_side is missing")
    return PatchLimit(**parsed)


def _image(where: str, value: object) -> dict[str, Any]:
    return _parse(where, value, _IMAGE)


_IMAGE: dict[str, Parser] = {
    "rule": _choice("patch", "tile"),
    "multiplier": _factor,
    "dearest_multiplier": _factor,
    "low": _limit,
    "high": _limit,
    "original": _limit,
    "auto": _choice("low", "high", "original"),
    "most_patches": _whole,
    "base": _whole,
    "tile": _whole,
}
_FIELDS: dict[str, Parser] = {
    "detail": _choice("low", "high", "original"),
    "reasoning_effort": _choice("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "temperature": _flag,
    "prompt_cache_options": _flag,
    "max_tokens_parameter": _choice("max_completion_tokens", "max_tokens"),
    "enqueued_tokens": _whole,
    "endpoints": _endpoints,
    "shutdown": _day,
    "image": _image,
}
