from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Terminal
from tests.rig import Rig


def answer(path: Path) -> str:
    """What somebody's program may answer to a file of requests."""
    lines = []
    for line in path.read_bytes().splitlines():
        name = json.loads(line)["custom_id"]
        message = {"role": "assistant", "content": f"a picture, {name[-6:]}"}
        body = {
            "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 60, "completion_tokens": 9},
        }
        lines.append({"custom_id": name, "response": {"status_code": 200, "body": body}})
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_there_and_back_without_a_key(rig: Rig, captionmill: Terminal, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    captionmill.options = ("--workspace", str(rig.workspace.root))
    shown = captionmill("write", rig.data, "--out", tmp_path / "out", "--budget", "1.00")
    assert shown.code == 3
    assert "2 requests" in shown.err
    assert "captionmill collect --from FILE" in shown.out.replace("\n", " ")
    (path,) = (tmp_path / "out").iterdir()
    (tmp_path / "one.jsonl").write_text(answer(path).splitlines(keepends=True)[0])
    (tmp_path / "two.jsonl").write_text(answer(path).splitlines(keepends=True)[1])
    shown = captionmill(
        "collect", "--json", "--from", tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    )
    assert (shown.code, shown.json["outcomes"]) == (0, {"captioned": 2})
    assert shown.json["requests_in_files"] == 0
    assert rig.posts(None) == 0


def test_what_was_written_is_taken_back(rig: Rig, captionmill: Terminal, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    captionmill.options = ("--workspace", str(rig.workspace.root))
    assert captionmill("cancel", "--files").code == 2  # nothing is there yet
    captionmill("write", rig.data, "--out", tmp_path / "out")
    assert "written" in captionmill("status").out
    shown = captionmill("cancel", "--files")
    assert (shown.code, shown.out) == (0, "2 requests taken back for the next run\n")
    assert "written" not in captionmill("status").out


def test_a_folder_is_needed(rig: Rig, captionmill: Terminal) -> None:
    rig.add("a.png")
    shown = captionmill("write", rig.data)
    assert shown.code == 2
    assert "--out" in shown.err
    assert not rig.workspace.root.exists()
