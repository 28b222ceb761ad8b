"""captionmill estimate"""

from __future__ import annotations

import json

import click

from pipeline.cli import console
from pipeline.cli.options import configured, json_option, source_arguments
from pipeline.config import Config
from pipeline.core.pricing import format_usd
from pipeline.records import Nano
from pipeline.stages.quote import Quote


@click.command("estimate")
@source_arguments
@click.option("--models", metavar="A,B", help="Models to compare; the configured one otherwise.")
@json_option
@configured(sending=True)
def command(
    data: str | None, manifest: str | None, models: str | None, as_json: bool, config: Config
) -> int:
    """What would captioning DATA or a --manifest cost? Sends nothing.

    Every new image is prepared once, so that damaged files and duplicates are known; the next
    run need not look at them again.
    """
    from pipeline.estimating import estimate

    names = tuple(name.strip() for name in (models or "").split(",") if name.strip())
    found = estimate(config, data, manifest=manifest, models=names, say=console.say)
    if as_json:
        click.echo(json.dumps([_as_dict(w.request.model, q) for w, q in found]))
        return 0
    first = found[0][1]
    click.echo(f"images      {first.images:>10,}")
    click.echo(f"  unique    {first.unique:>10,}")
    click.echo(f"  duplicates{first.duplicates:>10,}")
    click.echo(f"  rejected  {first.rejected:>10,}")
    click.echo()
    click.echo(f"{'model':<36}{'requests':>10}{'prompt tokens':>15}{'expected':>12}{'at most':>12}")
    for wished, quote in found:
        click.echo(
            f"{wished.request.model:<36}{quote.requests:>10,}{quote.prompt_tokens:>15,}"
            f"{_usd(quote.expected):>12}{_usd(quote.worst):>12}"
        )
    return 0


def _usd(nano: Nano | None) -> str:
    return "unknown" if nano is None else format_usd(nano)


def _as_dict(model: str, quote: Quote) -> dict[str, object]:
    return {
        "model": model,
        "images": quote.images,
        "unique": quote.unique,
        "duplicates": quote.duplicates,
        "rejected": quote.rejected,
        "already_paid": quote.paid,
        "requests": quote.requests,
        "prompt_tokens": quote.prompt_tokens,
        "completion_tokens": quote.completion_tokens,
        "expected_nano_usd": quote.expected,
        "worst_nano_usd": quote.worst,
    }
