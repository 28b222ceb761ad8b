from __future__ import annotations

import pytest

from pipeline.commands.export import export_table
from pipeline.errors import ConfigError, StorageError, UsageError
from tests.rig import Rig, rig
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig", "s3"]


def keys(s3: ScriptedS3) -> dict[str, object]:
    return {
        "storage.endpoint": s3.endpoint,
        "storage.allow_http": True,
        "storage.retries": 1,
        "output.parquet": "s3://bucket/out/captions.parquet",
        "output.rejects": "s3://bucket/out/rejects.csv",
    }


def test_the_table_goes_where_it_is_to_go_when_it_has_changed(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png", "b.png")
    rig.run(**keys(s3))
    assert s3.objects["out/captions.parquet"] == rig.workspace.table.read_bytes()
    assert s3.objects["out/rejects.csv"] == rig.workspace.rejects.read_bytes()
    s3.requests.clear()
    rig.run(**keys(s3))
    assert s3.requests["PUT out/captions.parquet"] == 0
    del s3.objects["out/captions.parquet"]
    rig.add("c.png", first=7)
    rig.run(**keys(s3))
    assert s3.objects["out/captions.parquet"] == rig.workspace.table.read_bytes()
    rig.check()


def test_what_somebody_else_wrote_stays(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    s3.objects["out/captions.parquet"] = b"of somebody else"
    rig.add("b.png", first=5)
    with pytest.raises(StorageError, match="somebody else"):
        rig.run(**keys(s3))
    assert s3.objects["out/captions.parquet"] == b"of somebody else"
    assert rig.outcomes() == {"captioned": 2}
    del s3.objects["out/captions.parquet"]
    export_table(rig.config(**keys(s3)), rig.said.append)
    assert s3.objects["out/captions.parquet"] == rig.workspace.table.read_bytes()


def test_a_place_that_cannot_be_written_is_noticed_before_anything_is_paid(
    rig: Rig, s3: ScriptedS3
) -> None:
    rig.add("a.png")
    s3.fail["out/captions.parquet"] = 403, "SignatureDoesNotMatch", 99
    with pytest.raises(UsageError, match=r"s3://bucket/out/captions\.parquet: "):
        rig.run(**keys(s3))
    assert rig.posts() == 0


@pytest.mark.parametrize("place", ["s3://bucket", "s3://bucket/", "https://x.org/t", "ftp://x/t"])
def test_an_address_that_is_no_object_is_refused(rig: Rig, place: str) -> None:
    with pytest.raises((UsageError, ConfigError), match="write a path"):
        rig.run(output__parquet=place)
