"""Topics to read on, and the help of commands."""

from __future__ import annotations

import re

import click
import pytest

from pipeline.cli.app import ALIASES, COMMANDS, cli
from pipeline.cli.help import topic_text, topics
from pipeline.config.model import Config
from pipeline.core.outcomes import NAMES
from pipeline.errors import CaptionmillError, ConfigError, UsageError, about
from tests.cli.conftest import Terminal
from tests.cli.test_app import ERRORS

_OPTION = re.compile(r"--[a-z][a-z-]+")


def options_of(name: str) -> set[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)}


def keys_of(section: str) -> set[str]:
    fields = Config.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    return {field.alias or name for name, field in fields.items()}


@pytest.mark.parametrize("topic", topics())
def test_a_topic_fits_a_terminal_and_names_what_there_is(captionmill: Terminal, topic: str) -> None:
    shown = captionmill("help", topic)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.rstrip() == topic_text(topic)
    assert max(map(len, shown.out.splitlines())) <= 80
    for line in shown.out.splitlines():
        for name, rest in re.findall(r"captionmill ([a-z][a-z-]*)(.*)", line):
            assert name in {*COMMANDS, *ALIASES}, line
            for option in _OPTION.findall(rest.split("  ")[0]):
                assert option in options_of(name), line
    for section, key in re.findall(r"\[([a-z]+)\] ([a-z_]+)", shown.out):
        assert key in keys_of(section), f"[{section}] {key}"


def test_the_outcomes_are_those_of_the_table() -> None:
    shown = re.findall(r"^  ([a-z_]+) {2,}", topic_text("outcomes"), re.M)
    assert shown[: len(NAMES)] == list(NAMES)


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_a_topic_that_explains_its_exit_code(
    error: type[CaptionmillError],
) -> None:
    assert f"exit {error.exit_code}" in topic_text(error.topic)


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        (("run",), "start"),
        (("run", "nowhere"), "inputs"),
        (("run", "--manifest", "."), "inputs"),
        (("run", ".", "--provider", "openai"), "service"),
        (("run", ".", "--set", "images.max_sid=3"), "configuration"),
        (("run", ".", "--config", "nighty"), "configuration"),
        (("status",), "workspace"),
        (("export", "--out", "x.parquet"), "workspace"),
        (("report", "--out", "page.html"), "workspace"),
        (("review", "--import", "sheet.csv"), "workspace"),
        (("retry", "--outcome", "captioned"), "outcomes"),
        (("rebuild",), "workspace"),
        (("sources", "forget", "x"), "workspace"),
        (("init", "nowhere/x.toml", "--data", "."), "start"),
    ],
)
def test_an_error_names_where_to_read_on(
    captionmill: Terminal, line: tuple[str, ...], topic: str
) -> None:
    shown = captionmill(*line)
    assert shown.code == 2
    assert shown.err.endswith(f"\nmore: captionmill help {topic}\n")
    assert "exit 2" in topic_text(topic)


def test_what_a_topic_is_about_decides_only_where_nothing_else_does() -> None:
    for error, topic in ((UsageError("x"), "inputs"), (ConfigError("x"), "configuration")):
        with pytest.raises(UsageError) as raised, about("inputs"):
            raise error
        assert raised.value.topic == topic
    assert UsageError("y").topic == "start"


def test_the_name_of_a_command_shows_its_help(captionmill: Terminal) -> None:
    assert captionmill("help", "spend").out.startswith("Usage: captionmill spend")


def test_help_alone_lists_commands_and_topics(captionmill: Terminal) -> None:
    shown = captionmill("help").out
    listed = shown[shown.index("Topics of") :]
    assert all(topic in listed for topic in topics())
    assert max(map(len, shown.splitlines())) <= 80
    assert "estimate" in shown


def test_a_topic_that_is_none_is_said(captionmill: Terminal) -> None:
    shown = captionmill("help", "moeny")
    assert shown.code == 2
    assert "no topic or command 'moeny'; topics: budget, " in shown.err
