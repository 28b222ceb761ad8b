"""Pushes by the real library over HTTP; in other processes, as it reads its environment once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sinks.hub import Hub, export_files
from tests.rig import Rig
from tests.sinks.hub_server import TOKEN, HubState, Repository, loopback_hub

needs_hub = pytest.mark.skipif(find_spec("huggingface_hub") is None, reason="no huggingface_hub")


@pytest.fixture
def hub() -> Iterator[HubState]:
    with loopback_hub() as state:
        yield state


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    rig.add("a.png", "b.png")
    rig.run()
    return rig


def export(
    rig: Rig, hub: HubState, *options: str, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    """`captionmill export --to hf --push ada/cats`, as a person calls it."""
    home = rig.workspace.root.parent / "home"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",  # it speaks a protocol of its own
        "HF_TOKEN": token,
        "OPENAI_API_KEY": "sk-x",
    }
    target = rig.workspace.root.parent / "set"
    command = [sys.executable, "-m", "pipeline", "export", "--to", "hf", str(target)]
    command += ["--workspace", str(rig.workspace.root), "--push", "ada/cats", *options]
    command += [
        "--set",
        "provider.name=openai",
        "--set",
        f"provider.base_url={rig.server.base_url}",
    ]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


@needs_hub
def test_an_export_goes_up_as_a_private_data_set(captioned: Rig, hub: HubState) -> None:
    done = export(captioned, hub, "--yes", "--parquet")
    assert done.returncode == 0, done.stderr
    repository = hub.repositories["ada/cats"]
    assert repository.private
    local = captioned.workspace.root.parent / "set"
    assert repository.files == {
        path: (local / path).read_bytes() for path, _ in export_files(local)
    }
    assert not any(path.startswith(".captionmill/") for path in repository.files)
    assert "as ada: ada/cats (new, private) gets 2 rows with the columns text, path" in done.stderr
    assert f"{hub.url}/datasets/ada/cats" in done.stdout
    assert "location" not in done.stderr

    captioned.add("c.png", first=9)
    captioned.run()
    before = set(repository.files)
    done = export(
        captioned, hub, "--yes", "--parquet", "--shard-rows", "10", "--fields", "text=caption"
    )
    assert done.returncode == 0, done.stderr
    assert set(repository.files) == before
    assert json.loads(repository.files["captionmill-export.json"])["rows"] == 3


@needs_hub
def test_what_is_no_longer_exported_goes(captioned: Rig, hub: HubState) -> None:
    assert export(captioned, hub, "--yes").returncode == 0
    (captioned.data / "b.png").unlink()
    captioned.run(input__lost_share="1")
    assert export(captioned, hub, "--yes", "--where", "in_source = true").returncode == 0
    files = hub.repositories["ada/cats"].files
    assert len([path for path in files if path.endswith(".jpg")]) == 1
    assert files["train/metadata.jsonl"].count(b"\n") == 1


@needs_hub
def test_nobody_says_yes(captioned: Rig, hub: HubState) -> None:
    done = export(captioned, hub)
    assert done.returncode == 5
    assert "not uploaded" in done.stderr
    assert not hub.repositories


@needs_hub
@pytest.mark.parametrize(
    ("repository", "options", "words"),
    [
        (Repository(True, {"README.md": b"mine"}), (), "no export of captionmill"),
        (Repository(False, {}), (), "public already"),
    ],
)
def test_what_is_somebodys_or_public_stays(
    captioned: Rig, hub: HubState, repository: Repository, options: tuple[str, ...], words: str
) -> None:
    hub.repositories["ada/cats"] = repository
    before = dict(repository.files)
    done = export(captioned, hub, "--yes", *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert repository.files == before


@needs_hub
def test_a_public_one_is_asked_for(captioned: Rig, hub: HubState) -> None:
    done = export(captioned, hub, "--yes", "--public")
    assert done.returncode == 0, done.stderr
    assert not hub.repositories["ada/cats"].private
    assert "(new, PUBLIC)" in done.stderr


@needs_hub
@pytest.mark.parametrize(
    ("part", "status", "code", "words"),
    [
        ("whoami", 401, 2, "does not take the token"),
        ("/commit/", 403, 2, "right to write"),
        ("/commit/", 500, 9, "HTTP 500"),
        ("/repos/create", 400, 2, "HTTP 400"),
    ],
)
def test_errors_are_in_our_words_and_the_same_command_goes_on(
    captioned: Rig, hub: HubState, part: str, status: int, code: int, words: str
) -> None:
    hub.faults[part] = status
    done = export(captioned, hub, "--yes")
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    done = export(captioned, hub, "--yes")
    assert done.returncode == 0, done.stderr
    assert hub.repositories["ada/cats"].files


@needs_hub
def test_the_token_is_written_nowhere(captioned: Rig, hub: HubState) -> None:
    hub.faults["/commit/"] = 500
    texts = [(d.stdout, d.stderr) for d in (export(captioned, hub, "--yes") for _ in range(2))]
    assert TOKEN not in str(texts)
    for path in captioned.workspace.root.parent.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


@needs_hub
def test_without_a_token_or_a_hub_it_says_what_to_do(captioned: Rig, hub: HubState) -> None:
    done = export(captioned, hub, "--yes", token="")
    assert (done.returncode, "hf auth login" in done.stderr) == (2, True), done.stderr
    nowhere = HubState(url="http://127.0.0.1:9")
    done = export(captioned, nowhere, "--yes")
    assert (done.returncode, "cannot be reached" in done.stderr) == (9, True), done.stderr


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"captionmill\[hub\]"):
        Hub()
