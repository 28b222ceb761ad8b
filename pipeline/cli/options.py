"""Options that several commands share. Each overrides one key of the configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.completion import completed_by
from pipeline.core.provider_kinds import PROVIDER_NAMES

if TYPE_CHECKING:
    from pipeline.config import Config

F = TypeVar("F", bound=Callable[..., Any])

# option -> (key, help); each is a text, checked with the configuration
_KEYS = {
    "--workspace": ("workspace", "Folder of the ledger, the shards and the table."),
    "--provider": ("provider.name", f"{', '.join(PROVIDER_NAMES[:-1])} or {PROVIDER_NAMES[-1]}."),
    "--base-url": ("provider.base_url", "Address of an OpenAI-compatible service."),
    "--model": ("provider.model", "Model that captions."),
    "--account": ("provider.account", "Label of the account; part of what identifies a caption."),
}
_SENDING = {
    "--prompt": ("prompt.user", "User prompt; {column} stands for a manifest column."),
    "--prompt-file": ("prompt.user_file", "File with the user prompt."),
    "--system": ("prompt.system", "System prompt."),
    "--schema-file": ("prompt.schema_file", "JSON schema of structured answers."),
    "--detail": ("prompt.detail", "low, high, auto or original."),
    "--max-tokens": ("prompt.max_completion_tokens", "Longest answer."),
    "--long-side": ("images.long_side", "Longer side of the images as sent, pixels."),
    "--workers": ("images.workers", "Worker processes; 0 is one for each core."),
    "--engine": ("engine.kind", "Where images are prepared: local or cluster."),
    "--scheduler": ("engine.address", "Scheduler of the cluster, tcp://host:8786."),
    "--budget": (
        "budget.lifetime",
        "Dollars that this workspace may ever spend, e.g. 5.00; remembered; none lifts it.",
    ),
    "--budget-run": ("budget.run", "Dollars that this run may spend."),
    "--budget-day": ("budget.day", "Dollars a (UTC) day."),
    "--budget-month": ("budget.month", "Dollars a (UTC) month."),
    "--path-column": ("input.path_column", "Column of a manifest that holds the paths."),
    "--limit": ("input.limit", "Images that this run may send; the others stay pending."),
    "--source-name": ("input.source_name", "Name of a manifest that comes through a pipe."),
    "--image-mode": ("input.image_mode", "bytes, or url: the service fetches images at URLs."),
}
_FLAGS = {
    "--reread": ("input.reread", "Read every file again, also those that look unchanged."),
    "--fetch": ("fetch.allow", "Download images at URLs (see [fetch])."),
    "--include-reviewed": (
        "review.include_reviewed",
        "Send images again whose captions were accepted or corrected.",
    ),
}
_NUMBERS = {"--limit", "--max-tokens", "--long-side", "--workers"}
_METAVARS = {
    "--workspace": "DIR",
    "--provider": "NAME",
    "--base-url": "URL",
    "--model": "NAME",
    "--account": "NAME",
    "--prompt-file": "FILE",
    "--schema-file": "FILE",
    "--detail": "WORD",
    "--max-tokens": "TOKENS",
    "--long-side": "PIXELS",
    "--engine": "WORD",
    "--scheduler": "ADDRESS",
    "--budget": "USD",
    "--budget-run": "USD",
    "--budget-day": "USD",
    "--budget-month": "USD",
    "--path-column": "NAME",
    "--limit": "N",
    "--source-name": "NAME",
    "--image-mode": "WORD",
}


_WORDS: dict[str, Callable[[], Iterable[str]]] = {
    "--provider": lambda: PROVIDER_NAMES,
    "--engine": lambda: ("local", "cluster"),
    "--detail": lambda: ("low", "high", "auto", "original"),
    "--image-mode": lambda: ("bytes", "url"),
}
"""What completes the value of an option."""


def configured(
    *, sending: bool = False, without: Collection[str] = ()
) -> Callable[[F], Callable[..., Any]]:
    """Give a command `config: Config`, read from --config with every option on top but those
    `without` which the command makes sense."""
    known = _KEYS | (_SENDING if sending else {})
    table = {option: key for option, key in known.items() if option not in without}

    def decorate(function: F) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            config = _load(table, kwargs)
            return function(*args, config=config, **kwargs)

        decorated: Any = wrapped
        if sending:
            for flag, (_, text) in reversed(_FLAGS.items()):
                decorated = click.option(flag, _name(flag), is_flag=True, help=text)(decorated)
        decorated = click.option(
            "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any configuration key."
        )(decorated)
        for option, (_, text) in reversed(table.items()):
            metavar = _METAVARS.get(option)
            decorated = click.option(
                option, _name(option), type=_type(option, metavar), metavar=metavar, help=text,
                shell_complete=completed_by(_WORDS[option]) if option in _WORDS else None,
            )(decorated)  # fmt: skip
        return click.option(  # type: ignore[no-any-return]
            "--config",
            "config_name",
            metavar="NAME",
            help="Configuration: a name or a path.",
            shell_complete=completed_by(_config_names, paths=True),
        )(decorated)

    return decorate


def _load(table: Mapping[str, tuple[str, str]], kwargs: dict[str, Any]) -> Config:
    """Configuration of a command line, whose options are taken out of `kwargs`."""
    from pipeline.config import load_config, parse_value
    from pipeline.core.budget_words import COMMAND_LINE

    pairs = [(key, kwargs.pop(_name(option))) for option, (key, _) in table.items()]
    overrides = {key: value for key, value in pairs if value is not None}
    for flag, (key, _) in _FLAGS.items():
        if kwargs.pop(_name(flag), False):
            overrides[key] = True
    for setting in kwargs.pop("settings"):
        key, equals, text = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set {setting}: write KEY=VALUE")
        overrides[key.strip()] = parse_value(text)
    return load_config(kwargs.pop("config_name"), overrides, overrides_from=COMMAND_LINE)


def source_arguments(function: F) -> Callable[..., Any]:
    """Folders, images and manifests that a command looks at."""
    decorated = click.option(
        "--manifest", multiple=True, type=click.Path(), help="Table with a column of paths."
    )(function)
    return click.argument("data", nargs=-1, type=click.Path())(decorated)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
stream_option = click.option("--stream", is_flag=True, help="Print the text as it comes.")
accept_lost_option = click.option(
    "--accept-lost", is_flag=True, help="Images that are not there any more are gone for good."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Spend without asking.")


def _type(option: str, metavar: str | None) -> click.ParamType[Any]:
    if option in _NUMBERS:
        return click.INT
    return click.Path() if metavar in ("FILE", "DIR") else click.STRING


def _config_names() -> list[str]:
    """Names of the packaged configurations."""
    from pipeline.config import config_names

    return config_names()


def _name(option: str) -> str:
    return "opt_" + option.strip("-").replace("-", "_")
