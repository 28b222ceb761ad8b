"""Odd manifests as a user plays them: all in one run, each line with one outcome, nothing paid
twice."""

from __future__ import annotations

from collections import defaultdict

from tests.rig import Rig, picture
from tests.sources.test_odd_manifests import IMAGES, ROWS


def test_every_line_of_odd_tables_has_one_outcome(rig: Rig) -> None:
    for number, name in enumerate(IMAGES):
        (rig.data / name).parent.mkdir(exist_ok=True)
        picture(rig.data / "drawn.jpg", number).rename(rig.data / name)
    for name, (data, _) in ROWS.items():
        (rig.data / name).write_bytes(data)
    tables = [str(rig.data / name) for name in ROWS]
    report = rig.run(manifest=tables)
    assert report.exit_code in (0, 10), report.problems  # tables without any image are said
    assert rig.posts() == 1
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in rig.table():
        rejected = row["outcome"] == "rejected"
        assert rejected or row["caption"]
        reasons[row["source"]].append(row["reason_code"] if rejected else "ok")
    for name, (_, problems) in ROWS.items():
        assert sorted(reasons[name]) == sorted(problems.split()), name
    assert rig.run(manifest=tables).requests == 0
    rig.check()


def test_a_line_that_names_no_image_may_be_taken_out(rig: Rig) -> None:
    """It is no image that is lost with its disk."""
    rig.add("a.png")
    table = rig.data / "m.csv"
    table.write_text("path\na.png\nmissing.png\ns3://no/key.png\n")
    assert rig.run(manifest=table).exit_code == 0
    table.write_text("path\na.png\n")
    report = rig.run(manifest=table)
    assert (report.exit_code, report.requests, report.problems) == (0, 0, [])
