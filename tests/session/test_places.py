"""Where a workspace lies, seen from several working directories."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.commands.estimate import estimate
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.session import places
from pipeline.session.account import AccountOptions
from pipeline.session.places import WorkspacePlace
from pipeline.system.workspace import Workspace
from tests.rig import picture

DEFAULT = "data/workspaces/{provider}"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data, of a program that is installed, seen from some folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    return tmp_path / "user" / "captionmill"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: Path) -> Path:
    """A checkout that the program runs from, with its samples."""
    del user
    root = tmp_path / "checkout"
    picture(root / "data" / "samples" / "cat.png", 1)
    monkeypatch.setattr(places, "checkout", lambda: root)
    return root


def configured(config: str | None = None, **overrides: object) -> WorkspacePlace:
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return AccountOptions.of(load_config(config, keys)).place


@pytest.mark.parametrize(
    ("text", "provider", "account", "below"),
    [
        (DEFAULT, "openai", "default", "openai"),
        (DEFAULT, "local", "default", "local"),
        (DEFAULT, "openai", "team b/x", "openai-team%20b%2Fx"),
        (DEFAULT, "local", "team", "local"),
        ("data/workspaces/nightly-{provider}", "openai", "default", "nightly-openai"),
        ("data/workspaces/groq", "openai", "default", "groq"),
    ],
)
def test_an_installed_program_has_one_place_a_user_provider_and_account(
    user: Path, text: str, provider: str, account: str, below: str
) -> None:
    place = WorkspacePlace(text, None, account)
    assert place.workspace(provider) == Workspace(user / below, by_default=True)
    os.chdir("/")
    assert place.workspace(provider).root == user / below


def test_what_an_earlier_version_made_in_the_working_directory_is_used(
    user: Path, checkout: Path
) -> None:
    Path("data/workspaces/openai").mkdir(parents=True)
    assert configured().workspace("openai").root == Path("data/workspaces/openai")
    assert configured().workspace("local").root == checkout / "data" / "workspaces" / "local"
    assert not user.exists()


def test_in_a_checkout_it_lies_below_it_whatever_the_working_directory(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = Path("data/workspaces/nightly-openai")
    assert configured("nightly").workspace("openai").root == checkout / below
    monkeypatch.chdir(checkout)
    assert configured("nightly").workspace("openai").root == below


def test_who_names_a_folder_gets_it(tmp_path: Path, user: Path, checkout: Path) -> None:
    del user, checkout
    assert configured(workspace="data/workspaces/x").workspace("openai").root == Path(
        "data/workspaces/x"
    )
    assert configured(workspace=str(tmp_path / "ws")).workspace("openai").root == tmp_path / "ws"
    mine = tmp_path / "project" / "mine.toml"
    mine.parent.mkdir()
    mine.write_text('workspace = "work-{provider}"\n')
    assert configured(str(mine)).workspace("openai").root == mine.parent / "work-openai"
    Path("work-openai").mkdir()
    assert configured(str(mine)).workspace("openai").root == Path("work-openai")


def test_a_shipped_configuration_that_is_copied_means_the_same_place(
    tmp_path: Path, user: Path
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(load_config("nightly").to_toml())
    assert configured(str(mine)).workspace("openai") == configured("nightly").workspace("openai")
    assert configured(str(mine)).workspace("openai").root == user / "nightly-openai"


@pytest.mark.parametrize(
    ("platform", "below"),
    [("linux", ".local/share"), ("darwin", "Library/Application Support")],
)
def test_the_users_data_lie_where_the_system_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, below: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert places.user_data() == tmp_path / below / "captionmill"


def test_a_place_that_cannot_be_written_is_an_error_that_names_the_option(user: Path) -> None:
    user.parent.mkdir()
    user.write_text("no folder")
    picture(Path("imgs/a.png"), 1)
    with pytest.raises(UsageError, match=r"cannot be written .*: name another folder with --work"):
        estimate(load_config(None, {"provider.name": "local"}), "imgs")


def test_the_samples_have_a_workspace_of_their_own(checkout: Path) -> None:
    samples, below = checkout / "data" / "samples", checkout / "data" / "workspaces"
    place = configured()
    for data in (samples, samples / "cat.png"):
        assert place.over([str(data)]).workspace("local").root == below / "samples-local"
    assert place.over(["imgs"]).workspace("local").root == below / "local"
    assert configured(workspace="ws").over([str(samples)]).workspace("local").root == Path("ws")
    with pytest.raises(UsageError, match=r"there is no workspace in .*workspaces/local yet"):
        place.existing("local")
    (below / "samples-local").mkdir(parents=True)
    Ledger(below / "samples-local" / "ledger.db").close()
    assert place.existing("local").root == below / "samples-local"
    (below / "samples-local" / "ledger.db").rename(below / "ledger.db")
    (below / "samples-local" / "captions.parquet").touch()
    with pytest.raises(UsageError, match=r"rebuild --workspace .*samples-local"):
        place.existing("local")
    (below / "local").mkdir()
    Ledger(below / "local" / "ledger.db").close()
    assert place.existing("local").root == below / "local"


def test_samples_that_an_earlier_version_captioned_stay_where_they_are(checkout: Path) -> None:
    common = checkout / "data" / "workspaces" / "local"
    common.mkdir(parents=True)
    samples = checkout / "data" / "samples"
    with Ledger(common / "ledger.db") as ledger:
        ledger.images.source("folder", f"{samples.resolve()}-not", "other")
    assert configured().over([str(samples)]).workspace("local").root != common
    with Ledger(common / "ledger.db") as ledger:
        ledger.images.source("folder", str(samples.resolve()), "samples")
    assert configured().over([str(samples)]).workspace("local").root == common


def test_the_same_folder_is_one_source_from_two_working_directories(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "imgs" / "a.png", 1)
    said: list[str] = []
    config = load_config(None, {"provider.name": "local"})
    estimate(config, tmp_path / "imgs", say=said.append)
    monkeypatch.chdir(tmp_path)
    estimate(config, "imgs", say=said.append)
    assert said == [f"new workspace {user / 'local'}"]
    with Ledger(user / "local" / "ledger.db", read_only=True) as ledger:
        assert [source.rows for source in ledger.sources.all()] == [1]
