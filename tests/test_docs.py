"""README, CONTRIBUTING and CHANGELOG say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline import errors
from pipeline.cli.app import COMMANDS
from pipeline.config.model import Config
from pipeline.core.table import FIXED
from pipeline.errors import CaptionmillError

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/samples/LICENSES.md"]
TEXTS = {name: ROOT.joinpath(name).read_text(encoding="utf-8") for name in DOCUMENTS}
README = TEXTS["README.md"]


def section(title: str, text: str = README) -> str:
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def table(title: str) -> list[list[str]]:
    """Rows of a section's table, without its head."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_exit_codes() -> None:
    classes = {
        value.exit_code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, CaptionmillError)
    }
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    documented = [int(row[0]) for row in table("Exit codes")]
    # 1 is the base class, which nothing raises
    assert documented == sorted((classes | constants) - {1})


def test_every_command_is_described() -> None:
    described = {word.split()[0] for row in table("Commands") for word in words(row[0])}
    assert set(COMMANDS) <= described


def test_the_tables_columns() -> None:
    described = [word for row in table("The table") for word in words(row[0])]
    assert sorted(described) == sorted(column.name for column in FIXED)


def test_outcomes() -> None:
    column = next(column for column in FIXED if column.name == "outcome")
    row = next(row for row in table("The table") if "`outcome`" in row[0])
    assert words(row[1]) == re.findall(r"\w+", column.description.replace(" or ", " "))


def keys(name: str) -> set[str]:
    """Keys of a section of the configuration as a user writes them."""
    field = Config.model_fields[name]
    found: set[str] = set()
    for kind in [field.annotation, *getattr(field.annotation, "__args__", ())]:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {f.alias or key for key, f in kind.model_fields.items()}
    return found | {f"{key}_file" for key in ("system", "user", "schema") if key in found}


def test_configuration_keys() -> None:
    rows = {row[0]: words(row[2]) for row in table("Configuration")}
    tables = {re.sub(r"\W.*", "", head.strip("`[")) for head in rows if head != "(top)"}
    assert tables == {name for name in Config.model_fields if keys(name)}
    for head, named in rows.items():
        known = set(Config.model_fields) if head == "(top)" else keys(re.findall(r"\w+", head)[0])
        assert set(named) <= known, head


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXTS[document]):
        if "://" not in target:
            assert ROOT.joinpath(document).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_are_named_exist(document: str) -> None:
    pattern = r"`((?:pipeline|tests|configs|data|\.ci)/[\w./-]+)`"
    invented = ("NAME", "data/workspaces", "configs/other.toml")
    named = [p for p in re.findall(pattern, TEXTS[document]) if not any(i in p for i in invented)]
    assert [path for path in named if not ROOT.joinpath(path).exists()] == []


def test_the_layout_names_every_room() -> None:
    layout = section("Layout", TEXTS["CONTRIBUTING.md"])
    small = {"__init__", "__pycache__", "clock", "failpoints", "py", "secrets", "stopping"}
    rooms = {path.name.partition(".")[0] for path in ROOT.joinpath("pipeline").iterdir()}
    assert {room for room in rooms - small if not re.search(rf"\b{room}\b", layout)} == set()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^(\w+):", ROOT.joinpath("Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make\s+(\w+)|^\$ make (\w+)", TEXTS[document], re.MULTILINE)
    assert named
    assert {one or other for one, other in named} <= targets


def test_the_changelog_keeps_its_form() -> None:
    heads = re.findall(r"^## (.*)$", TEXTS["CHANGELOG.md"], re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    kinds = set(re.findall(r"^### (.*)$", TEXTS["CHANGELOG.md"], re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
