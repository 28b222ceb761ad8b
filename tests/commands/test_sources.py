"""The command sources."""

from __future__ import annotations

import pytest

from pipeline.commands.sources import forget_source, move_source, sources
from pipeline.commands.verify import verify
from pipeline.errors import UsageError
from tests.killing import killed_at
from tests.rig import Rig, picture
from tests.storage.scripted_s3 import ScriptedS3, s3

__all__ = ["s3"]


def two_folders(rig: Rig) -> None:
    rig.add("sub/a.png", "b.png")
    assert rig.run().requests == 2
    picture(rig.data.parent / "other" / "c.png", 77)
    assert rig.run(data=rig.data.parent / "other").requests == 1


def test_sources_are_known_by_name(rig: Rig) -> None:
    two_folders(rig)
    known = sources(rig.config())
    assert [(s.name, s.kind, s.images, s.rows) for s in known] == [
        ("imgs", "folder", 2, 2), ("other", "folder", 1, 1),
    ]  # fmt: skip
    assert all(s.seen_at for s in known)
    assert known[0].location == str(rig.data.resolve())


def test_a_forgotten_source_leaves_the_table_and_not_the_books(rig: Rig) -> None:
    two_folders(rig)
    with rig.ledger() as ledger:
        charged = ledger.reservations.totals().charged
    assert forget_source(rig.config(), "imgs", rig.said.append) == 1
    assert [row["path"] for row in rig.table()] == ["c.png"]
    assert verify(rig.config()).findings == ()
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged == charged
    report = rig.run()  # the folder comes back
    assert (report.requests, report.exit_code, report.outcomes) == (0, 0, {"captioned": 2})
    assert len(rig.table()) == 3
    with pytest.raises(UsageError, match="no source is called nothing; there are: other, imgs"):
        forget_source(rig.config(), "nothing", rig.said.append)
    for name in ("imgs", "other"):
        forget_source(rig.config(), name, rig.said.append)
    with pytest.raises(UsageError, match="no source is called imgs; the workspace has none"):
        forget_source(rig.config(), "imgs", rig.said.append)


def test_a_kill_before_the_table_is_written_without_a_source_is_no_finding(rig: Rig) -> None:
    two_folders(rig)
    with killed_at("ledger.before_commit.representatives"):
        forget_source(rig.config(), "imgs", rig.said.append)
    with rig.ledger() as ledger:
        assert ledger.rows.all_images() == 1
    assert len(rig.table()) == 3
    assert verify(rig.config()).findings == ()
    rig.run(data=rig.data.parent / "other")
    assert len(rig.table()) == 1
    assert verify(rig.config()).findings == ()


def test_a_moved_folder_that_doubled_the_table_is_joined(rig: Rig) -> None:
    two_folders(rig)
    rig.add("sub/gone.png", first=40)
    rig.run()
    moved = rig.data.parent / "moved"
    rig.data.rename(moved)
    (moved / "sub" / "gone.png").unlink()
    assert rig.run(data=moved).requests == 0
    assert len(rig.table()) == 6
    assert move_source(rig.config(), "imgs", "moved", rig.said.append) == 4
    assert verify(rig.config()).findings == ()
    rows = {(row["source"], row["path"]): row for row in rig.table()}
    assert sorted(rows) == [
        ("moved", "b.png"), ("moved", "sub/a.png"), ("moved", "sub/gone.png"), ("other", "c.png"),
    ]  # fmt: skip
    assert {row["outcome"] for row in rows.values()} == {"captioned"}
    assert not rows["moved", "sub/gone.png"]["in_source"]
    assert rig.run(data=moved).requests == 0
    assert len(rig.table()) == 4


def test_a_folder_that_moved_before_the_next_run_keeps_its_rows(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    moved = rig.data.parent / "moved"
    rig.data.rename(moved)
    assert move_source(rig.config(), "imgs", str(moved), rig.said.append) == 1
    report = rig.run(data=moved)
    assert (report.requests, len(rig.table())) == (0, 1)
    with pytest.raises(UsageError, match="neither the name of a source nor a path"):
        move_source(rig.config(), "imgs", "nowhere", rig.said.append)
    with pytest.raises(UsageError, match="no two sources"):
        move_source(rig.config(), "imgs", "imgs", rig.said.append)


def test_a_bucket_that_moved_keeps_its_rows(rig: Rig, s3: ScriptedS3) -> None:
    storage = {"storage.endpoint": s3.endpoint, "storage.allow_http": True, "storage.retries": 1}
    config = rig.config(**storage)
    rig.add("old/a.png", "old/sub/b.png", "new/a.png", "other/sub/b.png")
    s3.serve(rig.data)
    s3.listing({})
    assert rig.run(data="s3://bucket/old", **storage).requests == 2
    s3.objects = {key.replace("old/", "new/"): data for key, data in s3.objects.items()}
    s3.folder = None
    with pytest.raises(UsageError, match="nor has it any object"):
        move_source(config, "old", "s3://bucket/nowhere", rig.said.append)
    with pytest.raises(UsageError, match=r"old is a bucket, and .* is none"):
        move_source(config, "old", str(rig.data), rig.said.append)
    assert move_source(config, "old", "s3://bucket/new/", rig.said.append) == 2
    assert {row["location"] for row in rig.table()} == {
        "s3://bucket/new/a.png", "s3://bucket/new/sub/b.png",
    }  # fmt: skip
    s3.requests.clear()
    report = rig.run(data="s3://bucket/new", **storage)
    assert (report.requests, len(rig.table())) == (0, 2)
    assert not any(request.endswith(".png") for request in s3.requests)
    rig.run(data="s3://bucket/other", **storage)
    with pytest.raises(UsageError, match="no two sources"):
        move_source(config, "old", "s3://bucket/new", rig.said.append)
    assert move_source(config, "old", "s3://bucket/other", rig.said.append) == 2
