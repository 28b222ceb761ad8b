"""Model families, by the longest matching prefix: what each accepts, how it counts an image.

Source: OpenAI's guides "Images and vision" and "Reasoning", November 2026. Written from the
rules alone, apart from the product's own sizing, so that one can check the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.server.refusals import invalid

_MOST_PATCHES = 30_000
_PATCH = 32


@dataclass(frozen=True, slots=True)
class ImageBounds:
    """Longest side in pixels and, unless None, most patches."""

    side: int
    patches: int | None = None


@dataclass(frozen=True, slots=True)
class Patches:
    """Counts 32-pixel patches. `percent` is the multiplier times 100."""

    percent: int
    details: Mapping[str, ImageBounds]
    auto: str = "high"

    def tokens(self, width: int, height: int, detail: str) -> int:
        """Tokens of an image.

        Raises:
            Refused: the detail is unknown to the family, or the image has too many patches.
        """
        fit = self.details.get(self.auto if detail == "auto" else detail)
        if fit is None:
            raise invalid(f"Invalid value: '{detail}' for this model.", "detail")
        w, h = _fitted(width, height, fit.side)
        count = _patches(w, h)
        if fit.patches is not None and count > fit.patches:
            count = _patches(*_shrunk(w, h, fit.patches))
        if count > _MOST_PATCHES:
            raise invalid(f"Image has {count} patches.", "image_url", "image_too_large")
        return -(-count * self.percent // 100)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Counts 512-pixel tiles after fitting into 2048 x 2048 and 768 for the short side."""

    base: int
    tile: int

    def tokens(self, width: int, height: int, detail: str) -> int:
        """Tokens of an image.

        Raises:
            Refused: the detail is unknown to the family.
        """
        if detail not in ("low", "high", "auto"):
            raise invalid(f"Invalid value: '{detail}' for this model.", "detail")
        if detail == "low":
            return self.base
        sides = _fitted(width, height, 2048)
        scale = min(1.0, 768 / min(sides))
        # OpenAI's own example cuts the fraction of a pixel off
        across, down = (math.ceil(math.floor(side * scale + 1e-9) / 512) for side in sides)
        return self.base + self.tile * across * down


@dataclass(frozen=True, slots=True)
class Family:
    """Family of models that the server treats alike.

    Attributes:
        image: the rule that counts image tokens.
        reasoning: knows `reasoning_effort` and refuses `max_tokens`.
        effort: the effort when the request names none.
        efforts: what it takes; () for any.
        least: fewest completion tokens with which its reasoning leaves room for a text.
        cache_writes: bills cache writes and knows `prompt_cache_options`.
    """

    image: Patches | Tiles
    reasoning: bool = False
    effort: str = "none"
    efforts: tuple[str, ...] = ()
    least: int = 1
    cache_writes: bool = False


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Sides with the longer one within `side`, in whole pixels, the nearest ones."""
    scale = min(1.0, side / max(width, height))
    return (
        max(1, math.floor(width * scale + 0.5 + 1e-9)),
        max(1, math.floor(height * scale + 0.5 + 1e-9)),
    )


def _patches(width: float, height: float) -> int:
    return math.ceil(width / _PATCH) * math.ceil(height / _PATCH)


def _shrunk(width: float, height: float, budget: int) -> tuple[float, float]:
    """Sides in whole pixels that need at most `budget` patches."""
    scale = math.sqrt(_PATCH * _PATCH * budget / (width * height))
    across, down = width * scale / _PATCH, height * scale / _PATCH
    # 50 patches a side are 50, also where floating point comes to a little less
    scale *= min(math.floor(side + 1e-9) / side for side in (across, down))
    return max(1, math.floor(width * scale + 1e-9)), max(1, math.floor(height * scale + 1e-9))


def _low_and_high(fit: ImageBounds) -> dict[str, ImageBounds]:
    return {"low": fit, "high": fit}


_OLD = _low_and_high(ImageBounds(2048, 1536))
_MIDDLE = _low_and_high(ImageBounds(2048, 6144))
_LARGE = ImageBounds(6000, 10_000)
_MAX = ImageBounds(65_535)
_GPT_6 = Patches(
    120, {"low": ImageBounds(512), "high": ImageBounds(65_535, 2500), "original": _MAX}, "original"
)
_GPT_56 = Patches(
    120, {"low": ImageBounds(512), "high": ImageBounds(2048, 2500), "original": _MAX}, "original"
)
_GPT_55 = Patches(
    120, {"low": ImageBounds(512), "high": ImageBounds(2048, 2500), "original": _LARGE}, "original"
)
_GPT_54 = Patches(
    120,
    {"low": ImageBounds(2048, 6144), "high": ImageBounds(2048, 2500), "original": _LARGE},
    "high",
)

_THINKING = ("low", "medium", "high")
_MOST_THINKING = (*_THINKING, "xhigh")
_UP_TO_MAX = (*_MOST_THINKING, "max")
_PRO = ("medium", "high", "xhigh")

_TILES_5 = Tiles(70, 140)
_O_SERIES = Family(Tiles(75, 150), True, "medium", _THINKING, 100)
_GPT_6_OFF = Family(_GPT_6, True, "medium", ("none", *_UP_TO_MAX), cache_writes=True)
_GPT_52 = Patches(120, _MIDDLE)

_FAMILIES: dict[str, Family] = {
    "gpt-6": Family(_GPT_6, True, "medium", _UP_TO_MAX, 100, cache_writes=True),
    "gpt-6-sol": _GPT_6_OFF,
    "gpt-6-luna": _GPT_6_OFF,
    "gpt-5.6": Family(_GPT_56, True, "medium", ("none", *_UP_TO_MAX), cache_writes=True),
    "gpt-5.5": Family(_GPT_55, True, "medium", ("none", *_MOST_THINKING)),
    "gpt-5.5-pro": Family(_GPT_55, True, "high", _PRO, 100),
    "gpt-5.4": Family(_GPT_54, True, "none", ("none", *_MOST_THINKING)),
    "gpt-5.4-pro": Family(_GPT_54, True, "high", _PRO, 100),
    "gpt-5.2": Family(_GPT_52, True, "none", ("none", *_MOST_THINKING)),
    "gpt-5.2-pro": Family(_GPT_52, True, "high", _PRO, 100),
    "gpt-5.1": Family(_TILES_5, True, "none", ("none", *_THINKING)),
    "gpt-5-mini": Family(Patches(120, _OLD), True, "medium", ("minimal", *_THINKING), 64),
    "gpt-5-nano": Family(Patches(150, _OLD), True, "medium", ("minimal", *_THINKING), 64),
    "gpt-5-pro": Family(_TILES_5, True, "high", ("high",), 100),
    "gpt-5-chat": Family(_TILES_5),
    "gpt-5": Family(_TILES_5, True, "medium", ("minimal", *_THINKING), 64),
    "o1": _O_SERIES,
    "o3": _O_SERIES,
    "o4-mini": Family(Patches(172, _OLD), True, "medium", _THINKING, 100),
    "gpt-4.1-mini": Family(Patches(162, _MIDDLE)),
    "gpt-4.1-nano": Family(Patches(246, _OLD)),
    "gpt-4.1": Family(Tiles(85, 170)),
    "gpt-4o-mini": Family(Tiles(2833, 5667)),
    "gpt-4o": Family(Tiles(85, 170)),
    "computer-use-preview": Family(Tiles(65, 129), True, "medium"),
    "": Family(Patches(100, _OLD)),
}
"""Families by prefix."""

_UNKNOWN = _FAMILIES[""]


def family_of(model: str) -> Family:
    """Family whose prefix matches `model` best; a plain one for unknown names."""
    prefix = max((name for name in _FAMILIES if model.startswith(name)), key=len)
    return _FAMILIES[prefix]


def is_known(family: Family) -> bool:
    """Recognise a family of the service's own models."""
    return family is not _UNKNOWN


def billed_image_tokens(model: str, width: int, height: int, detail: str) -> int:
    """Tokens of a `width` x `height` image sent to `model`."""
    return family_of(model).image.tokens(width, height, detail)
