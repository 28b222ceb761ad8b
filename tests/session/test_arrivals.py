"""Manifests that are copied before they are read; streams: tests/scenarios/test_streams.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.engines import InlineEngine, SpoolEngine, SpoolLimits
from pipeline.errors import UsageError
from pipeline.imaging.prepare import Preparer
from pipeline.session import engines
from pipeline.storage import Readers
from tests.rig import Rig, rig
from tests.storage.scripted_s3 import ScriptedS3, scripted_s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig"]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    monkeypatch.setattr(
        engines,
        "files_engine",
        lambda limits, recipe, known: SpoolEngine(
            InlineEngine(Preparer(recipe, known)), Readers(limits.storage), SpoolLimits(10**6)
        ),
    )
    with scripted_s3(monkeypatch) as served:
        yield served


def storage(s3: ScriptedS3) -> dict[str, Any]:
    return {"storage.endpoint": s3.endpoint, "storage.allow_http": True, "storage.retries": 1}


def test_a_table_in_a_bucket_is_a_source_by_its_address(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "items.csv").write_text("path,title\na.png,one\nb.png,two\n")
    for name in ("a.png", "b.png", "items.csv"):
        s3.objects[f"sets/{name}"] = (rig.data / name).read_bytes()
    address = "s3://bucket/sets/items.csv"
    assert rig.run(manifest=address, **storage(s3)).requests == 2
    assert [(row["source"], row["path"], row["location"]) for row in rig.table()] == [
        ("items.csv", name, f"s3://bucket/sets/{name}") for name in ("a.png", "b.png")
    ]
    assert rig.run(data=address, **storage(s3)).requests == 0
    assert s3.requests["GET sets/items.csv"] == 1
    rig.add("c.png", first=5)
    s3.objects["sets/c.png"] = (rig.data / "c.png").read_bytes()
    s3.objects["sets/items.csv"] += b"c.png,three\n"
    assert rig.run(data=address, **storage(s3)).requests == 1
    assert rig.outcomes() == {"captioned": 3}
    rig.check()


def test_an_address_that_is_no_object_is_a_prefix_or_refused(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    s3.objects["folder.csv/a.png"] = (rig.data / "a.png").read_bytes()
    assert rig.run(data="s3://bucket/folder.csv", **storage(s3)).requests == 1
    with pytest.raises(UsageError, match="there is no such object"):
        rig.run(manifest="s3://bucket/folder.csv", **storage(s3))
