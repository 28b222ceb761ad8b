from __future__ import annotations

from pathlib import Path

from pipeline.stages.mirroring import Mirroring, NoMirror


def test_a_workspace_without_a_mirror_is_never_held_up(tmp_path: Path) -> None:
    mirror: Mirroring = NoMirror()
    mirror.keep(at_once=True)
    mirror.put(tmp_path / "not there")
    mirror.before_sending("online-1", tmp_path / "card", iter(["a"]))
    assert list(tmp_path.iterdir()) == []
