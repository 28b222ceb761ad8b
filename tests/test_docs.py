"""README, CONTRIBUTING, CHANGELOG and the READMEs of the folders say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline import errors
from pipeline.cli.app import COMMANDS
from pipeline.config.model import Config
from pipeline.core.table import FIXED
from pipeline.errors import CaptionmillError
from tests.test_architecture import FLOORS, MODULES, room

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "data/samples/LICENSES.md"),
    *("configs/README.md", "pipeline/README.md", "tests/README.md"),
]
TEXTS = {name: ROOT.joinpath(name).read_text(encoding="utf-8") for name in DOCUMENTS}
README, CONFIGS, HOUSE = (TEXTS[f"{folder}README.md"] for folder in ("", "configs/", "pipeline/"))
ROOMS = {room(module) for module in MODULES}


def section(title: str, text: str = README) -> str:
    """What stands under a heading, up to the next one."""
    match = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    return match[1]


def table(text: str) -> list[list[str]]:
    """Rows of a section's table, without its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_readme_is_short_and_shows_pictures() -> None:
    assert README.count("\n") <= 160
    pictures = re.findall(r'<img src="([^"]+)"', README)
    assert len(pictures) == 2
    assert all(ROOT.joinpath(picture).stat().st_size < 300_000 for picture in pictures)


def test_exit_codes() -> None:
    classes = {
        value.exit_code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, CaptionmillError)
    }
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    documented = [int(row[0]) for row in table(section("Exit codes", CONFIGS))]
    # 1 is the base class, which nothing raises
    assert documented == sorted((classes | constants) - {1})


def test_every_command_is_described() -> None:
    rows = table(section("Commands", CONFIGS))
    assert {word.split()[0] for row in rows for word in words(row[0])} == set(COMMANDS)


def test_the_tables_columns() -> None:
    described = [word for row in table(section("The table")) for word in words(row[0])]
    assert sorted(described) == sorted(column.name for column in FIXED)


def test_outcomes() -> None:
    column = next(column for column in FIXED if column.name == "outcome")
    row = next(row for row in table(section("The table")) if "`outcome`" in row[0])
    assert words(row[1]) == re.findall(r"\w+", column.description.replace(" or ", " "))


# -- the configuration


def keys(name: str) -> set[str]:
    """Keys of a section of the configuration as a user writes them; "" is the top."""
    if not name:
        return {key for key in Config.model_fields if not keys(key)}
    field = Config.model_fields[name]
    names: set[str] = set()
    for kind in [field.annotation, *getattr(field.annotation, "__args__", ())]:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= {f.alias or key for key, f in kind.model_fields.items()}
    return names | {f"{key}_file" for key in ("system", "user", "schema") if key in names}


def sections() -> dict[str, list[list[str]]]:
    """Section of the configuration -> rows of its table in configs/README.md."""
    heads = re.findall(r"^### (`\[.*\]`|At the top): .*$", CONFIGS, re.MULTILINE)
    return {
        re.sub(r"\W.*", "", head.strip("`[") if head.startswith("`") else ""): table(
            section(re.search(rf"^### ({re.escape(head)}: .*)$", CONFIGS, re.MULTILINE)[1], CONFIGS)  # type: ignore[index]
        )
        for head in heads
    }


def test_every_key_is_described() -> None:
    described = {
        name: sorted(words(row[0])[0] for row in rows) for name, rows in sections().items()
    }
    known = {name: sorted(keys(name)) for name in ["", *Config.model_fields] if keys(name)}
    assert described == known


def test_defaults_are_those_of_the_file() -> None:
    text = ROOT.joinpath("configs", "default.toml").read_text()
    default, compared = tomllib.loads(text), 0
    for name, rows in sections().items():
        values = default.get(name, {}) if name else default
        for cell, shown, _ in rows:
            (key,) = words(cell)
            assert (key in values) == shown.startswith("`"), f"{name}.{key}"
            if key in values and shown.strip('`"') != "...":
                assert tomllib.loads(f"value = {shown.strip('`')}")["value"] == values[key], key
                compared += 1
    assert compared > 60


# -- links, paths, targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    heads = re.findall(r"^#+ (.*)$", TEXTS[document], re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[document]):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert ROOT.joinpath(document).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_are_named_exist(document: str) -> None:
    pattern = r"`((?:pipeline|tests|configs|data|\.ci)/[\w./-]+)`"
    invented = ("NAME", "data/workspaces", "configs/other.toml")
    named = [p for p in re.findall(pattern, TEXTS[document]) if not any(i in p for i in invented)]
    assert [path for path in named if not ROOT.joinpath(path).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "tests/README.md"])
def test_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^(\w+):", ROOT.joinpath("Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make\s+(\w+)|^\$ make (\w+)", TEXTS[document], re.MULTILINE)
    assert named
    assert {one or other for one, other in named} <= targets


# -- the house


def test_the_layout_names_every_room_from_the_top_floor_down() -> None:
    layout = section("Layout", TEXTS["CONTRIBUTING.md"])
    named = re.findall(r"^  (\w+)/? ", layout.partition("pipeline/\n")[2], re.MULTILINE)
    assert sorted(named) == sorted(ROOMS)
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    assert [floor[name] for name in named] == sorted(floor[name] for name in named)


def test_the_drawing_shows_every_floor() -> None:
    drawing = section("Rooms", HOUSE).split("```")[1].strip("\n").splitlines()
    drawn = [set(re.split(r"  +", line.strip())[:-1]) for line in drawing]
    assert drawn == [floor for floor in (set(names) & ROOMS for names in FLOORS) if floor]


def test_decisions_are_numbered() -> None:
    numbers = re.findall(r"^\*\*(\d+)\. [^*]+\.\*\* ", section("Decisions", HOUSE), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20
    assert len(re.findall(r"^\*\*", section("Decisions", HOUSE), re.MULTILINE)) == len(numbers)


def test_the_changelog_keeps_its_form() -> None:
    heads = re.findall(r"^## (.*)$", TEXTS["CHANGELOG.md"], re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    version = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]["version"]
    assert heads[1].startswith(f"[{version}]")
    kinds = set(re.findall(r"^### (.*)$", TEXTS["CHANGELOG.md"], re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
