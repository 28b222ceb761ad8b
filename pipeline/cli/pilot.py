"""captionmill pilot"""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from pipeline.cli import console
from pipeline.cli.options import configured, source_arguments, yes_option
from pipeline.cli.progress import progress_bars
from pipeline.commands.pilot_findings import Findings, Variant
from pipeline.config import Config, find_text
from pipeline.config.units import parse_money
from pipeline.core.pricing import format_usd, usd_or
from pipeline.core.sampling import FEW, Interval
from pipeline.errors import UsageError

_usd = partial(usd_or, unknown="unknown price")
_OWN = ("count", "usd", "models", "prompt_files", "page", "yes", "opt_budget_run")


@click.command("pilot")
@source_arguments
@click.option("-n", "--count", type=click.IntRange(1, 1000), help="Images; 50 without --usd.")
@click.option("--usd", help="Dollars that the pilot may spend, e.g. 0.50.")
@click.option("--models", metavar="A,B", help="Models to compare on the same images.")
@click.option(
    "--prompt-file",
    "prompt_files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with a user prompt; several are compared.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("pilot.html"),
    show_default=True,
    help="Where the page goes.",
)
@yes_option
@configured(sending=True, without=("--prompt-file",))
@click.pass_context
def pilot(
    context: click.Context,
    data: tuple[str, ...],
    manifest: tuple[str, ...],
    count: int | None,
    usd: str | None,
    models: str | None,
    prompt_files: tuple[Path, ...],
    page: Path,
    yes: bool,
    config: Config,
) -> int:
    """Caption a small sample of DATA first, to judge the prompt and the price.

    The sample is spread over folders, sizes and shapes and is the same every time. It is asked
    online, at the online price, under its own cap; what it pays for is not paid for again by a
    run with the same model and prompt. One page shows the captions side by side.
    """
    from pipeline.commands.pilot import PilotOptions, pilot
    from pipeline.commands.pilot_page import write_page

    options = PilotOptions(
        count=count,
        usd=_money(usd),
        models=tuple(name.strip() for name in (models or "").split(",") if name.strip()),
        prompts=tuple((str(path), _text(path)) for path in prompt_files),
        page=page,
    )
    with progress_bars() as bars:
        findings = pilot(
            config,
            data,
            options,
            manifest=manifest,
            confirm=console.price_confirm(yes),
            say=console.say,
            progress=bars,
        )
    commands = [_going_on(context, variant, options.models) for variant in findings.variants]
    write_page(page, findings, commands)
    for line in _lines(findings, commands):
        click.echo(console.printable(line))
    click.echo(f"page        {page}")
    return findings.report.error.exit_code if findings.report.error else 0


def _money(usd: str | None) -> int | None:
    """Nano-dollars of a sum that a person names."""
    try:
        return None if usd is None else parse_money(usd)
    except ValueError as error:
        raise UsageError(f"--usd {usd}: {error}") from None


def _text(path: Path) -> str:
    path = find_text(path, "--prompt-file")
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise UsageError(f"the prompt file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"the prompt file {path} is not UTF-8 text") from None


def _lines(findings: Findings, commands: list[str]) -> list[str]:
    lines = [
        f"sample      {len(findings.sample):>10,}   of {findings.images:,} images, about "
        f"{findings.expected:,} of which can be captioned",
        f"cost        {format_usd(findings.spent):>10}   this pilot"
        + (", the local model is free" if findings.local else ""),
        "intervals     95 %   normal"
        + (", too narrow for a sample this small" if len(findings.sample) < FEW else ""),
    ]
    for variant, going_on in zip(findings.variants, commands, strict=True):
        lines += ["", variant.name, *_variant_lines(variant, going_on)]
    return [*lines, "", *(f"! {text}" for text in findings.report.problems[:12])]


def _variant_lines(variant: Variant, going_on: str) -> list[str]:
    outcomes = ", ".join(f"{name} {n}" for name, n in variant.outcomes.most_common())
    lines = [f"  outcomes  {outcomes}"]
    if not variant.answered:
        return [*lines, "  tokens    no answer names any, so that no price is known"]
    prompt, completion = variant.tokens()
    return [
        *lines,
        f"  tokens    {prompt:,} prompt + {completion:,} completion an image",
        f"  batches   {_usd(variant.per_thousand(variant.batch))} for 1,000 images; the whole set "
        f"{_interval(variant.total_batch)}",
        f"  online    {_usd(variant.per_thousand(variant.online))} for 1,000 images; the whole set "
        f"{_interval(variant.total_online)}",
        f"  go on     {going_on}",
    ]


def _interval(total: Interval | None) -> str:
    if total is None:
        return "unknown"
    return f"{format_usd(total.expected)}, {format_usd(total.low)} to {format_usd(total.high)}"


def _going_on(context: click.Context, variant: Variant, models: tuple[str, ...]) -> str:
    """Command that captions the whole set as this variant did, with all other options."""
    words = ["captionmill", "run"]
    for parameter in context.command.params:
        name = parameter.name or ""
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not typed or name in _OWN or (models and name == "opt_model"):
            continue
        value = context.params[name]
        for one in value if isinstance(value, tuple) else (value,):
            option = [] if isinstance(parameter, click.Argument) else [parameter.opts[0]]
            words += option if one is True else [*option, str(one)]
    if models:
        words += ["--model", variant.model]
    if variant.prompt:
        words += ["--prompt-file", variant.prompt]
    return shlex.join(words)
