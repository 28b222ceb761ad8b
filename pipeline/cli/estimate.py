"""captionmill estimate"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option, source_arguments
from pipeline.cli.progress import progress_bars
from pipeline.core.pricing import usd_or, with_usd
from pipeline.core.words import counted

if TYPE_CHECKING:
    from pipeline.commands.estimate import Estimate
    from pipeline.config import Config
    from pipeline.core.cost_estimate import PolicyCost

_usd = partial(usd_or, unknown="unknown")


@click.command("estimate")
@source_arguments
@click.option("--models", metavar="A,B", help="Models to compare; the configured one otherwise.")
@json_option
@configured(sending=True)
def estimate(
    data: tuple[str, ...],
    manifest: tuple[str, ...],
    models: str | None,
    as_json: bool,
    config: Config,
) -> int:
    """Quote what captioning DATA or a --manifest would cost. Sends nothing.

    Every new image is prepared once, so that damaged files and duplicates are known; the next
    run need not look at them again.
    """
    from pipeline.commands.estimate import estimate

    names = tuple(name.strip() for name in (models or "").split(",") if name.strip())
    with progress_bars(quiet=True) as bars:
        result = estimate(
            config, data, manifest=manifest, models=names, say=console.say, progress=bars
        )
    if as_json:
        console.out(json.dumps(_as_dict(result)))
        return 0
    _show(result)
    return 0


def _show(result: Estimate) -> None:
    quote = result.quote
    console.out(f"images      {quote.images:>10,}")
    console.out(f"  unique    {quote.unique:>10,}   {quote.paid:,} of them paid for or under way")
    console.out(f"  duplicates{quote.duplicates:>10,}")
    console.out(f"  rejected  {quote.rejected:>10,}")
    console.out("")
    console.out(_line("to be sent now", "requests", "prompt tokens", "expected", "at most"))
    console.out(
        _line(result.model, f"{quote.requests:,}", f"{quote.prompt_tokens:,}",
              _usd(quote.expected), _usd(quote.max_cost))
    )  # fmt: skip
    if quote.reviewed:
        console.out(
            _line("left alone, judged by a person", f"{quote.reviewed:,}", "", _usd(quote.saved))
            + "   saved; --include-reviewed sends them"
        )
    if quote.had_caption:
        whose = "left at the text that they have"
        saved = _line(whose, f"{quote.had_caption:,}", "", _usd(quote.text_saved))
        console.out(f"{saved}   saved by [input] skip_captioned")
    _show_stale(result)
    if result.budget:
        console.out("")
        console.out(f"budget: {result.budget}")
    if result.coverage:
        console.out(result.coverage)
    _table(f"all {quote.unique:,} unique images, {result.model}", result.policies)
    if result.models:
        _table("the same images, other models", result.models)


def _show_stale(result: Estimate) -> None:
    stale = result.stale
    if stale.images:
        whose = f"wrong by 0.1.0: {counted(stale.images, 'image')}"
        console.out(
            _line(
                whose,
                f"{stale.requests:,}",
                f"{stale.prompt_tokens:,}",
                _usd(stale.expected),
                _usd(stale.max_cost),
            )
            + "   'captionmill retry --outcome stale' lets them go again"
        )


def _line(name: str, requests: str, tokens: str, expected: str, at_most: str = "") -> str:
    """Line of the first table, 80 columns wide."""
    return f"{name:<34} {requests:>9}{tokens:>14}{expected:>11}{at_most:>11}".rstrip()


def _table(title: str, rows: list[PolicyCost]) -> None:
    console.out("")
    console.out(f"{title}")
    console.out(f"{'':<44}{'prompt tokens':>14}{'expected':>11}{'at most':>11}")
    for row in rows:
        refused = f"   {row.refused:,} too large" if row.refused else ""
        console.out(
            f"{row.name:<44}{row.prompt_tokens:>14,}{_usd(row.expected):>11}"
            f"{_usd(row.max_cost):>11}{refused}"
        )


def _as_dict(result: Estimate) -> dict[str, object]:
    quote = result.quote
    figures: dict[str, object] = {
        "model": result.model,
        "images": quote.images,
        "unique": quote.unique,
        "duplicates": quote.duplicates,
        "rejected": quote.rejected,
        "already_paid": quote.paid,
        "requests": quote.requests,
        "prompt_tokens": quote.prompt_tokens,
        "completion_tokens": quote.completion_tokens,
        "stale_images": result.stale.images,
        "stale_requests": result.stale.requests,
        "stale_expected_nano_usd": result.stale.expected,
        "expected_nano_usd": quote.expected,
        "worst_nano_usd": quote.max_cost,
        "reviewed": quote.reviewed,
        "saved_nano_usd": quote.saved,
        "had_caption": quote.had_caption,
        "had_caption_saved_nano_usd": quote.text_saved,
        "budget": result.budget,
        "budget_coverage": result.coverage,
        "policies": [_row(row) for row in result.policies],
        "models": [_row(row) for row in result.models],
    }
    return with_usd(figures)


def _row(row: PolicyCost) -> dict[str, object]:
    return with_usd(
        {
            "name": row.name,
            "prompt_tokens": row.prompt_tokens,
            "expected_nano_usd": row.expected,
            "worst_nano_usd": row.max_cost,
            "too_large": row.refused,
        }
    )
