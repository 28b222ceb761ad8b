"""The presets for a use: they load, ask what they promise, and run against the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.commands.estimate import estimate
from pipeline.commands.one import caption
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.run import run
from pipeline.commands.write import write
from pipeline.config import Config, load_config
from pipeline.session.spec_factory import SpecFactory
from tests.rig import Rig

USES = Path(__file__).parents[2] / "configs" / "uses"
FIELDS = {
    "alt-text": ["caption"],
    "lora": ["caption", "tags"],
    "search": ["caption", "objects", "colours", "text"],
}
each_use = pytest.mark.parametrize("name", FIELDS)


def preset(name: str, rig: Rig, **changes: object) -> Config:
    """The preset, with the rig's server and workspace put in."""
    base: dict[str, object] = {
        "workspace": str(rig.workspace.root),
        "provider.name": "openai",
        "provider.base_url": rig.server.base_url,
        "batch.poll_seconds": 1,
    }
    return load_config(f"uses/{name}", base | {k.replace("__", "."): v for k, v in changes.items()})


def manifest(rig: Rig, *lines: str) -> Path:
    path = rig.data / "items.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def requests(rig: Rig, config: Config, out: Path, source: Path | None = None) -> str:
    """What would be sent, as text."""
    write(config, None if source else rig.data, out, manifest=source)
    return "\n".join(path.read_text() for path in sorted(out.iterdir()))


def test_none_is_forgotten() -> None:
    assert {path.stem for path in USES.glob("*.toml")} == set(FIELDS)


@each_use
def test_it_loads_and_builds_its_request(name: str) -> None:
    text = (USES / f"{name}.toml").read_text()
    assert f"captionmill run --config uses/{name}" in text
    config = load_config(f"uses/{name}")
    assert config.workspace == f"data/workspaces/{name}-{{provider}}"
    built = SpecFactory.of(config).build(local=False, account="a", now=1_795_000_000)
    assert " in English" in built.template
    assert "{" not in built.template
    assert built.request.schema is not None
    assert list(built.request.schema["properties"]) == FIELDS[name]
    assert built.recipe.size.choose(4000, 2000)[0] == config.images.long_side


@each_use
def test_it_runs(name: str, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    config = preset(name, rig)
    report = run(config, rig.data)
    assert (report.problems, report.outcomes) == ([], {"captioned": 2})
    assert run(config, rig.data).requests == 0
    prefix = "ohwx, " if name == "lora" else ""
    for row in rig.table():
        assert set(FIELDS[name]) <= set(row)
        assert re.match(rf"{prefix}\S", row["caption"])
    rig.check()


def test_another_language_is_asked_for_and_the_first_one_is_not_paid_for_again(rig: Rig) -> None:
    rig.add("a.png")
    english, german = preset("alt-text", rig), preset("alt-text", rig, **GERMAN)
    assert [run(config, rig.data).requests for config in (english, german)] == [1, 1]
    assert [run(config, rig.data).requests for config in (english, german)] == [0, 0]
    rig.check()


GERMAN = {"prompt__values__language": "German"}


def test_a_manifests_column_wins_and_that_is_said_once(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    source = manifest(rig, "path,language", "a.png,Dutch", "b.png,Finnish")
    sent = requests(rig, preset("alt-text", rig), tmp_path / "sent", source)
    assert ["in Dutch" in sent, "in Finnish" in sent, "in English" in sent] == [True, True, False]
    (tmp_path / "sent").rename(tmp_path / "away")
    told: list[str] = []
    rig.workspace = type(rig.workspace)(tmp_path / "another")
    assert run(preset("alt-text", rig), manifest=source, say=told.append).requests == 2
    assert [line for line in told if "{language}" in line] == [
        "{language} is the source's column of that name, not [prompt] values"
    ]
    # the value is not asked, so it changes nothing
    assert run(preset("alt-text", rig, **GERMAN), manifest=source).requests == 0
    assert estimate(preset("alt-text", rig, **GERMAN), manifest=source).quote.requests == 0
    rig.check()


def test_the_estimate_the_pilot_and_the_run_ask_the_same(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    config = preset("search", rig, **GERMAN)
    assert estimate(config, rig.data).quote.requests == 2
    assert pilot(config, rig.data, options=PilotOptions(count=1)).variants
    assert estimate(config, rig.data).quote.requests == 1
    assert run(config, rig.data).requests == 1
    rig.check()


def test_a_single_image_is_asked_about_in_the_language(rig: Rig) -> None:
    rig.add("a.png")
    answer = caption(rig.data / "a.png", preset("alt-text", rig, **GERMAN))
    assert answer.outcome == "captioned"
