"""Limits of sizes: a policy bound to a model's rule for counting an image's tokens."""

from __future__ import annotations

from math import gcd

from msgspec.structs import replace

from pipeline.core.image_tokens import (
    PATCH,
    TILE,
    TILE_LONG_SIDE,
    TILE_SHORT_SIDE,
    Detail,
    ImageRule,
    PatchLimit,
    TileRule,
    UnsupportedDetail,
    cells,
)
from pipeline.core.sizing import SizePolicy, Sizing

SAFE_SIDE = 2048
SAFE_PATCHES = 1536
"""Within these no known patch model resizes an image sent with detail "high"."""


class ImpossibleTarget(ValueError):
    """No image, however small, costs as few tokens as the policy asks for."""


def bind_size(policy: SizePolicy, rule: ImageRule | None, detail: Detail) -> Sizing:
    """Bind a policy to a model's rule (None: unknown) and a detail.

    Raises:
        ImpossibleTarget: the token target cannot be met, or the model's rule is unknown.
        UnsupportedDetail: the model does not know the detail.
    """
    if rule is None:
        return _bind_unknown(policy)
    if isinstance(rule, TileRule):
        return _bind_tiles(policy, rule, detail)
    limit = rule.limit(detail)
    most = min(limit.max_patches or rule.most_patches, rule.most_patches)
    if policy.kind == "tokens" and policy.value is not None:
        most = min(most, int(policy.value / rule.multiplier))
        _require(most, policy.value, f"one patch costs {float(rule.multiplier):g}")
    return _sizing(policy, PATCH, limit.max_side, most, service=limit)


def _bind_tiles(policy: SizePolicy, rule: TileRule, detail: Detail) -> Sizing:
    if detail == "original":
        raise UnsupportedDetail("the model does not know the detail 'original'")
    low = detail == "low"
    side, short = (TILE, TILE) if low else (TILE_LONG_SIDE, TILE_SHORT_SIDE)
    most = cells(side, short, TILE)
    if policy.kind == "tokens" and policy.value is not None:
        spare = policy.value - rule.base
        most = min(most, int(spare >= 0) if low else spare // rule.tile)
        least = rule.base if low else rule.base + rule.tile
        _require(most, policy.value, f"the smallest image costs {least}")
    common = gcd(rule.base, rule.tile)
    price = (1, 0) if low else (rule.base // common, rule.tile // common)
    return _sizing(policy, TILE, side, most, short=short, price=price)


def _bind_unknown(policy: SizePolicy) -> Sizing:
    if policy.kind == "tokens":
        raise ImpossibleTarget("how this model counts image tokens is unknown: use a long side")
    if policy.value is None:
        return _sizing(policy, PATCH, SAFE_SIDE, SAFE_PATCHES)
    plain = _sizing(policy, 1, policy.value, policy.value**2, price=(1, 0))
    side, pixels = max(SAFE_SIDE, policy.value), max(SAFE_PATCHES * PATCH**2, policy.value**2)
    return replace(plain, grown_side=side, grown_cells=pixels)


def _require(most: int, target: int, least: str) -> None:
    if most < 1:
        raise ImpossibleTarget(f"no image fits into {target} tokens: {least}")


def _sizing(
    policy: SizePolicy,
    cell: int,
    side: int,
    most: int,
    *,
    short: int | None = None,
    price: tuple[int, int] = (0, 1),
    service: PatchLimit | None = None,
) -> Sizing:
    """Clip the limits to what can matter, so that equal sizings compare and hash equal."""
    grown_side, grown_cells = side, most
    if policy.kind == "long_side" and policy.value is not None:
        side = min(side, policy.value)
    short = side if short is None else min(short, side)
    most = min(most, cells(side, short, cell))
    # The service's own shrinking leaves at least a quarter of its budget.
    budget = service.max_patches if service else None
    return Sizing(
        cell=cell,
        max_side=side,
        max_short=short,
        max_cells=most,
        service=service if budget is not None and most > budget // 4 else None,
        base=price[0],
        per_cell=price[1],
        shrink_percent=policy.shrink_percent,
        shape_pixels=policy.shape_pixels,
        min_sent_side=policy.min_sent_side,
        grown_side=grown_side,
        grown_cells=grown_cells,
    )
