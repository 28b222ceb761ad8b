"""A bucket is captioned as a folder with the same files is: the same rows, the same bill."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines import InlineEngine, SpoolEngine, SpoolLimits
from pipeline.errors import UsageError
from pipeline.imaging.prepare import Preparer
from pipeline.session import engines
from pipeline.session.report import Report
from pipeline.storage import Readers
from tests.rig import Rig, open_rig, picture
from tests.storage.scripted_s3 import ScriptedS3, scripted_s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__: list[str] = []


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch, page=7) as served:
        yield served


def rig_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    root.mkdir()
    with open_rig(root, monkeypatch) as rig:
        monkeypatch.setattr(
            engines,
            "files_engine",
            lambda limits, recipe, known: SpoolEngine(
                InlineEngine(Preparer(recipe, known)), Readers(limits.storage), SpoolLimits(10**6)
            ),
        )
        yield rig


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    yield from rig_of(tmp_path / "bucket", monkeypatch)


@pytest.fixture
def folder_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    yield from rig_of(tmp_path / "folder", monkeypatch)


def fill(root: Path) -> None:
    """Pictures, duplicates, damage, odd names and what is no image."""
    names = ["a.jpg", "b c.png", "d/ü😀.png", "d/e/50%20+.png", "d/back\\slash.png", "z.gif"]
    for number, name in enumerate(names):
        picture(root / name, number)
    (root / "again.jpg").write_bytes((root / "a.jpg").read_bytes())
    (root / "cut.png").write_bytes((root / "b c.png").read_bytes()[:60])
    (root / "no.jpg").write_bytes(b"this is no image")
    (root / "empty.jpg").write_bytes(b"")
    (root / "no-suffix").write_bytes((root / "z.gif").read_bytes())
    (root / "notes.txt").write_text("notes")


def run(rig: Rig, s3: ScriptedS3 | None, *, wait: bool = True) -> Report:
    if s3 is None:
        return rig.run(wait=wait)
    return rig.run(data="s3://bucket", wait=wait, **storage(s3))


def storage(s3: ScriptedS3) -> dict[str, Any]:
    return {"storage.endpoint": s3.endpoint, "storage.allow_http": True, "storage.retries": 4}


def rows(rig: Rig) -> list[tuple[object, ...]]:
    names = ("path", "outcome", "reason_code", "caption", "source_id", "content_id", "flags")
    return sorted((tuple(str(row[name]) for name in names) for row in rig.table()), key=str)


def replace(root: Path) -> None:
    picture(root / "d" / "ü😀.png", 77)
    (root / "b c.png").unlink()
    os.utime(root / "z.gif", ns=(1, 1))
    picture(root / "new.png", 78)


def test_rows_and_bill_are_those_of_a_folder(rig: Rig, folder_rig: Rig, s3: ScriptedS3) -> None:
    fill(rig.data)
    fill(folder_rig.data)
    s3.serve(rig.data)
    s3.fail["a.jpg"] = 503, "SlowDown", 2
    s3.cut["z.gif"] = 1
    for change in (lambda _root: None, replace, lambda _root: None):
        change(rig.data)
        change(folder_rig.data)
        run(rig, s3)
        run(folder_rig, None)
        assert rows(rig) == rows(folder_rig)
        assert rig.server.bill.total_nano() == folder_rig.server.bill.total_nano()
        rig.check()
    places = {row["path"]: row["location"] for row in rig.table()}
    assert places["d/e/50%20+.png"] == "s3://bucket/d/e/50%20+.png"


def test_nothing_is_read_twice_that_has_not_changed(rig: Rig, s3: ScriptedS3) -> None:
    fill(rig.data)
    s3.serve(rig.data)
    run(rig, s3)
    s3.requests.clear()
    run(rig, s3)
    assert set(s3.requests) == {"GET ", "GET .captionmillignore"}
    os.utime(rig.data / "a.jpg", ns=(1, 1))  # another time alone is no other picture
    run(rig, s3)
    assert set(s3.requests) <= {
        "GET ", "GET .captionmillignore", "GET no-suffix", "GET empty.jpg",
    }  # fmt: skip


def test_the_same_patterns_leave_the_same_images_out(
    rig: Rig, folder_rig: Rig, s3: ScriptedS3
) -> None:
    for one in (rig, folder_rig):
        fill(one.data)
        picture(one.data / "d" / "e" / "f" / "deep.png", 40)
        picture(one.data / "keep" / "a.png", 41)
    s3.serve(rig.data)
    for patterns in (
        "# none",
        "d/e/\n*.gif\n!keep/\n",
        "/b*\nd/\n!d/back\\\\slash.png",
        "*\n!*.png",
    ):
        for one in (rig, folder_rig):
            (one.data / ".captionmillignore").write_text(patterns)
        s3.listing({})  # takes the files as they are
        options = {"input__exclude": ["x*"], "input__lost_share": 1.0}
        reports = [
            rig.run(data="s3://bucket", **storage(s3), **options), folder_rig.run(**options),
        ]  # fmt: skip
        assert rows(rig) == rows(folder_rig)
        assert bool(reports[0].skipped["(excluded)"]) == (patterns != "# none")
        shown, other = (
            {r["path"] for r in one.table() if r["in_source"]} for one in (rig, folder_rig)
        )
        assert shown == other
        assert rig.server.bill.total_nano() == folder_rig.server.bill.total_nano()
    s3.fail[".captionmillignore"] = 403, "AccessDenied", 99
    with pytest.raises(UsageError, match=r"cannot read s3://bucket/\.captionmillignore"):
        run(rig, s3)


def test_a_picture_that_is_replaced_under_the_run_is_paid_for_once(
    rig: Rig, s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(rig.data / "a.png", 1)
    s3.serve(rig.data)
    listing = s3.listing

    def then_replaced(query: dict[str, list[str]]) -> bytes:
        body = listing(query)
        picture(rig.data / "a.png", 2)
        s3.objects["a.png"] = (rig.data / "a.png").read_bytes()
        return body

    monkeypatch.setattr(s3, "listing", then_replaced)
    run(rig, s3)
    monkeypatch.setattr(s3, "listing", listing)
    run(rig, s3)
    (row,) = rig.table()
    assert row["outcome"] == "captioned"
    rig.check()
    assert rig.posts() == 1


def test_one_denied_object_is_a_row(rig: Rig, s3: ScriptedS3) -> None:
    for number in range(3):
        picture(rig.data / f"{number}.png", number)
    s3.serve(rig.data)
    s3.fail["1.png"] = 403, "AccessDenied", 99
    run(rig, s3)
    outcomes = {row["path"]: (row["outcome"], row["reason_code"]) for row in rig.table()}
    assert outcomes["1.png"] == ("rejected", "unreadable")
    assert outcomes["0.png"] == outcomes["2.png"] == ("captioned", None)
    s3.fail.clear()
    run(rig, s3)
    assert rig.outcomes() == {"captioned": 3}
    rig.check()


def test_a_bucket_that_lost_its_objects_keeps_its_rows(rig: Rig, s3: ScriptedS3) -> None:
    for number in range(25):
        picture(rig.data / f"{number}.png", number)
    s3.serve(rig.data)
    run(rig, s3)
    for number in range(20):
        (rig.data / f"{number}.png").unlink()
    assert run(rig, s3).exit_code == 10
    assert rig.outcomes() == {"captioned": 25}


def test_a_table_names_objects(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png", "d/b.png")
    s3.serve(rig.data)
    s3.listing({})
    rows = "s3://bucket/a.png,one\ns3://bucket/d/b.png,two\ns3://bucket/gone.png,three\n"
    table = tmp_path / "items.csv"
    table.write_text(f"path,title\n{rows}")
    report = rig.run(manifest=table, **storage(s3))
    assert (report.requests, rig.outcomes()) == (2, {"captioned": 2, "rejected": 1})
    assert {row["path"]: row["location"] for row in rig.table()} == {
        "s3://bucket/a.png": "s3://bucket/a.png",
        "s3://bucket/d/b.png": "s3://bucket/d/b.png",
        "s3://bucket/gone.png": "s3://bucket/gone.png",
    }
    reads = s3.requests.copy()
    assert rig.run(manifest=table, **storage(s3)).requests == 0
    assert s3.requests["GET a.png"] == reads["GET a.png"]  # nothing has changed
    rig.add("a.png", first=9)
    s3.listing({})
    assert rig.run(manifest=table, **storage(s3)).requests == 1
    rig.check()
