from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.core.judgements import Judgement
from pipeline.errors import UsageError
from pipeline.review.edits import Edits
from pipeline.session.mirror import Mirror
from pipeline.session.settings import RunSettings
from tests.review.test_entry_checksums import damage as changed
from tests.rig import Rig, rig
from tests.session.mirrors import MIRROR, keys, on, restored
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig", "s3"]


def captions(rig: Rig) -> dict[str, tuple[str, str]]:
    return {row["path"]: (row["caption"], row["review"]) for row in rig.table()}


def test_a_new_machine_pays_nothing_again(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png", "b.png", "c.png")
    rig.run(budget__lifetime="9.00", **keys(s3))
    row = rig.table()[0]
    source_id = bytes.fromhex(row["source_id"])
    with Edits(rig.workspace.reviews) as edits:
        edit = Judgement(source_id, "", "edit", row["model_caption"], caption="Mine.")
        edits.append([edit], at=1, label="edit")
    rig.run(**keys(s3))
    before, posts, first = captions(rig), rig.posts(), rig.workspace.root
    shutil.move(first, tmp_path / "lost")
    restored(rig, s3, tmp_path / "new")
    rig.run(**keys(s3))
    assert captions(rig) == before
    assert ("Mine.", "edited") in before.values()
    assert rig.posts() == posts
    rig.check()
    rig.add("d.png", first=9)
    rig.run(**keys(s3))
    assert rig.outcomes() == {"captioned": 4}
    rig.check()


def test_a_damaged_record_of_edits_is_no_copy(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    with Edits(rig.workspace.reviews) as edits:
        edits.append([Judgement(b"1" * 32, {}, "edit", caption="Mine.")], at=1, label="edit")
    rig.run(**keys(s3))
    changed(rig.workspace.reviews, "UPDATE judgements SET caption = 'Nine.'")
    rig.run(**keys(s3))  # no picture of it is in this run
    assert sum(name.split("/")[1] == "reviews" for name in s3.objects) == 1
    restored(rig, s3, tmp_path / "new")
    with Edits(rig.workspace.reviews) as edits:
        assert [one.caption for one in edits.judgements_of([b"1" * 32])[b"1" * 32]] == ["Mine."]


def test_a_record_of_edits_that_is_there_is_not_copied_again(
    rig: Rig, s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    copied: list[Path] = []
    copy_to = Edits.copy_to
    monkeypatch.setattr(
        Edits, "copy_to", lambda self, path: (copied.append(path), copy_to(self, path))[1]
    )
    mirror = Mirror(MIRROR, RunSettings.of(rig.config(**keys(s3))).engine.storage)
    for step in (1, 2):
        with Edits(rig.workspace.reviews) as edits:
            edits.append([Judgement(bytes(32), {}, "edit", caption=f"{step}")], at=1, label="edit")
        mirror.keep(rig.workspace)
        mirror.keep(rig.workspace)
        assert len(copied) == step


def test_a_mirror_holds_each_file_once(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    names = sorted(name.split("/")[1] for name in s3.objects)
    assert names == ["files"] * len([n for n in names if n == "files"]) + ["runs", "workspace.json"]
    before = set(s3.objects)
    s3.requests.clear()
    rig.run(**keys(s3))
    assert {name.split("/")[1] for name in set(s3.objects) - before} == {"runs"}
    assert len([one for one in s3.requests if one.startswith("PUT")]) == 1


def test_a_mirror_is_of_one_workspace(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    on(rig, tmp_path / "another")
    with pytest.raises(UsageError, match="mirror of another workspace"):
        rig.run(**keys(s3))


def test_what_is_no_mirror_is_refused(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    s3.objects["mirror/photo.jpg"] = b"x"
    with pytest.raises(UsageError, match="no mirror"):
        restored(rig, s3, tmp_path / "new")
    rig.add("a.png")
    on(rig, tmp_path / "used")
    rig.run(**keys(s3))
    with pytest.raises(UsageError, match="has a ledger"):
        restored(rig, s3, tmp_path / "used")


def test_names_that_lead_elsewhere_are_not_restored(
    rig: Rig, s3: ScriptedS3, tmp_path: Path
) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    for name in ("ledger.db", "raw/../x", "..", "raw/.hidden"):
        s3.objects[f"mirror/files/{name}/9-1"] = b"x"
    restored(rig, s3, tmp_path / "new")
    rig.run(**keys(s3))
    assert rig.outcomes() == {"captioned": 1}
    assert not (tmp_path / "x").exists()
