"""Other packages' sources, tables and formats, by a package as pip would install it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line
from pipeline.commands.export import export_copy
from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.errors import UsageError
from pipeline.providers.base import BatchOptions
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.system.plugins import FORMATS, PROVIDERS, SINKS, SOURCES, load_plugin, plugins
from pipeline.system.secrets import Secret
from tests.rig import KEY, Rig

PACKAGE = Path(__file__).parents[1] / "example_plugin"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PACKAGE))
    yield
    sys.modules.pop("captionmill_example", None)


@pytest.mark.usefixtures("installed")
def test_each_group_has_what_packages_add() -> None:
    assert set(plugins(SOURCES)) == {"names"}
    assert set(plugins(PROVIDERS)) == {"sandbox"}
    assert set(plugins(SINKS)) == {"txt"}
    assert set(plugins(FORMATS)) == {"markdown", "broken"}
    with pytest.raises(UsageError, match="captionmill-example adds 'broken'"):
        load_plugin(plugins(FORMATS)["broken"])


def test_without_the_package_there_is_nothing() -> None:
    assert not plugins(SOURCES)


@pytest.mark.usefixtures("installed")
def test_a_source_a_table_and_a_format_of_another_package(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png", "b.png", "not listed.png")
    (rig.data / "list.lst").write_text("a.png\nb.png\n")
    report = rig.run(data=Path(f"names:{rig.data / 'list.lst'}"))
    assert report.outcomes == {"captioned": 2}
    assert rig.run(data=Path(f"names:{rig.data / 'list.lst'}")).requests == 0
    captions = [row["caption"] for row in rig.table()]

    out = tmp_path / "captions.txt"
    export_copy(rig.config(), out, rig.said.append)
    assert out.read_text().splitlines() == captions

    target = tmp_path / "pages"
    export_for(rig.config(), "markdown", target, ExportOptions(), rig.said.append)
    (page,) = (target / "train").glob("*.md")
    assert all(caption in page.read_text() for caption in captions)
    rig.check()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["sandbox", "sandbox_online"])
def test_a_service_of_another_package(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rig.add("a.png", "b.png")
    report = rig.run(provider__name=name)
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 2})
    assert {row["provider"] for row in rig.table()} == {"sandbox"}
    if name == "sandbox":
        with contextlib.closing(
            OpenAIBatches(BatchOptions(Secret(KEY), rig.server.base_url))
        ) as service:
            assert [batch.metadata["app"] for batch in service.list_batches()] == ["example"]
    assert rig.run(provider__name=name).requests == 0
    rig.check()
    monkeypatch.undo()
    with pytest.raises(UsageError, match="'openai_online' or 'local'"):
        rig.config(provider__name=name)


@pytest.mark.usefixtures("installed")
def test_the_command_line_knows_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["export", "--workspace", str(tmp_path / "none"), "--to"]
    assert run_command_line([*command, "markdown", str(tmp_path / "x")]) == 2
    assert "no workspace" in capsys.readouterr().err
    assert run_command_line([*command, "markdwn", str(tmp_path / "x")]) == 2
    assert "is not one of" in capsys.readouterr().err
