from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.clean import clean_up
from pipeline.commands.export import export_charges, export_copy
from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.errors import StorageError, UsageError
from tests.rig import Rig, rig
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig", "s3"]
OPTIONS = ExportOptions(shard_rows=10)


def storage(s3: ScriptedS3) -> dict[str, Any]:
    return {"storage.endpoint": s3.endpoint, "storage.allow_http": True, "storage.retries": 1}


def puts(s3: ScriptedS3) -> list[str]:
    return sorted(request[4:] for request in s3.requests if request.startswith("PUT "))


def test_tables_go_up_whole(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    config = rig.config(**storage(s3))
    for export, key in ((export_copy, "x/copy.parquet"), (export_charges, "x/charges.parquet")):
        export(config, tmp_path / "same.parquet", rig.said.append)
        assert export(config, f"s3://bucket/{key}", rig.said.append).rows == 2
        assert s3.objects[key] == (tmp_path / "same.parquet").read_bytes()
    s3.objects["x/copy.parquet"] = b"of somebody else"
    with pytest.raises(StorageError, match="somebody else"):
        export_copy(config, "s3://bucket/x/copy.parquet", rig.said.append)
    for address, words in (("s3://bucket", "name an object"), ("s3://bucket/x.csv", "as Parquet")):
        with pytest.raises(UsageError, match=words):
            export_copy(config, address, rig.said.append)


def test_a_folder_goes_up_its_manifest_last(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    config = rig.config(**storage(s3))
    target = "s3://bucket/x/set/"
    export_for(config, "sidecars", target, OPTIONS, rig.said.append)
    files = [f"x/set/train/{name}" for name in ("a.jpg", "a.txt", "b.jpg", "b.txt")]
    assert puts(s3) == ["x/set/captionmill-export.json", *files]
    assert [r for r in s3.requests if r.startswith("PUT")][-1] == (
        "PUT x/set/captionmill-export.json"
    )
    s3.requests.clear()
    export_for(config, "sidecars", target, OPTIONS, rig.said.append)
    assert puts(s3) == []
    s3.objects["x/set/of-others.txt"] = b"stays"
    del s3.objects["x/set/train/b.txt"]
    only_b = ExportOptions(shard_rows=10, where="path = 'b.png'")
    export_for(config, "sidecars", target, only_b, rig.said.append)
    others = ["x/set/captionmill-export.json", "x/set/of-others.txt"]
    assert sorted(s3.objects) == [*others, *files[2:]]
    requests = list(s3.requests)
    assert requests.index("DELETE x/set/captionmill-export.json") < requests.index(
        "PUT x/set/train/b.txt"
    )
    with pytest.raises(UsageError, match="sidecars of a folder"):
        export_for(config, "xmp", target, OPTIONS, rig.said.append)


def test_one_file_without_pictures_goes_up(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    rig.run()
    export_for(rig.config(**storage(s3)), "jsonl", "s3://bucket/c.jsonl", OPTIONS, rig.said.append)
    assert s3.objects["c.jsonl"].count(b"\n") == 1


def test_a_wrong_secret_is_noticed_before_anything_is_made(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    rig.run()
    s3.fail["x/set"] = 403, "SignatureDoesNotMatch", 9
    with pytest.raises(UsageError, match="s3://bucket/x/set"):
        export_for(rig.config(**storage(s3)), "hf", "s3://bucket/x/set", OPTIONS, rig.said.append)
    assert not rig.workspace.exports.exists()


def test_cleaning_removes_copies_that_are_whole_there(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    config = rig.config(**storage(s3))
    export_copy(config, "s3://bucket/x/copy.parquet", rig.said.append)
    export_for(config, "sidecars", "s3://bucket/x/set", OPTIONS, rig.said.append)
    s3.fail["x/broken/train/b.txt"] = 403, "AccessDenied", 1
    with pytest.raises(UsageError, match="the export itself is"):
        export_for(config, "sidecars", "s3://bucket/x/broken", OPTIONS, rig.said.append)
    assert clean_up(config, rig.said.append).local == 1 + 5
    left = [path for path in rig.workspace.exports.rglob("*") if path.is_file()]
    names = sorted(path.name for path in left if "broken" not in path.parts)
    assert names == ["put.json"] * 3
    assert len(left) > 3  # the one that was broken off
    s3.requests.clear()
    export_for(config, "sidecars", "s3://bucket/x/set", OPTIONS, rig.said.append)
    assert puts(s3) == []
