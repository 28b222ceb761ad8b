from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.commands.export_push import Push
from pipeline.errors import NeedsPerson, UsageError
from pipeline.sinks.hub import Hub, HubRepository
from pipeline.stages.export_to import Exported


class Account:
    """An account that notes what is pushed."""

    account, endpoint = "ada", "https://hub.example"

    def __init__(self) -> None:
        self.pushed: list[Any] = []

    def push(self, folder: Path, repository: HubRepository) -> str:
        self.pushed.append((folder, repository))
        return f"{self.endpoint}/datasets/{repository.name}"


def test_what_goes_up_is_said_before_it_goes(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.jpg").write_bytes(bytes(250_000))
    (tmp_path / ".captionmill").mkdir()
    (tmp_path / ".captionmill" / "record").write_bytes(bytes(9_000_000))
    account, said = Account(), list[str]()
    push = Push(cast(Hub, account), HubRepository("ada/cats", exists=True, private=True))
    exported = Exported(rows=1, columns=("text", "path"))
    with pytest.raises(NeedsPerson, match="--yes"):
        push.upload(tmp_path, exported, lambda _question: False, said.append)
    assert not account.pushed
    place = push.upload(tmp_path, exported, lambda _question: True, said.append)
    assert place == "https://hub.example/datasets/ada/cats"
    assert said[1] == (
        "to https://hub.example as ada: ada/cats (private) gets 1 row with the columns text, path, "
        "in 1 file of 0.2 MB"
    )


def test_what_is_no_folder_is_not_pushed() -> None:
    with pytest.raises(UsageError, match="not for csv"):
        Push.prepare("csv", "ada/cats", public=False)
