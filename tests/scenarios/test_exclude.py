"""What the user's rules leave out: not sent, counted, and never taken for lost."""

from __future__ import annotations

from pipeline.commands.estimate import estimate
from pipeline.errors import NothingCaptioned
from tests.rig import Rig

MANY = tuple(f"drafts/{n}.png" for n in range(24))


def test_excluded_images_are_not_sent_and_are_said(rig: Rig) -> None:
    rig.add("a.png", "b_small.png", *MANY)
    (rig.data / ".captionmillignore").write_text("drafts/\n")
    assert estimate(rig.config(input__exclude=["*_small.png"]), rig.data).quote.requests == 1
    report = rig.run(input__exclude=["*_small.png"])
    assert (report.images, report.requests, report.exit_code) == (1, 1, 0)
    assert report.skipped == {"(hidden)": 1, "(excluded)": 1, "(excluded folder)": 1}
    assert (
        "left out by [input] exclude or .captionmillignore: 1 file and 1 folder" in rig.said[-20:]
    )
    assert len(rig.table()) == 1


def test_known_images_that_are_excluded_later_are_gone_and_not_lost(rig: Rig) -> None:
    rig.add("a.png", *MANY)
    assert rig.run().requests == 25
    (rig.data / ".captionmillignore").write_text("drafts/\n")
    report = rig.run()
    assert (report.images, report.lost, report.exit_code) == (1, 0, 0)
    assert [row["in_source"] for row in rig.table()].count(False) == 24
    (rig.data / ".captionmillignore").unlink()
    again = rig.run()
    assert (again.images, again.requests, again.exit_code) == (25, 0, 0)
    rig.check()


def test_a_disk_that_is_gone_is_still_noticed_beside_rules(rig: Rig) -> None:
    rig.add(*MANY, *(f"kept/{n}.png" for n in range(30)))
    rig.run()
    for path in (rig.data / "kept").iterdir():
        path.unlink()
    report = rig.run(input__exclude=["drafts/"])
    assert (report.lost, report.exit_code) == (30, NothingCaptioned.exit_code)


def test_rows_of_a_table_are_left_out_by_their_paths(rig: Rig) -> None:
    rig.add("a.png", "drafts/b.png")
    (rig.data / "m.csv").write_text("path\na.png\ndrafts/b.png\ndrafts/gone.png\n")
    report = rig.run(manifest=rig.data / "m.csv", input__exclude=["drafts/"])
    assert (report.images, report.requests) == (1, 1)
    assert report.skipped == {"(excluded)": 2}
