"""Several folders, manifests and images in one run: one price, one table, nothing paid twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.dedupe import find_alike
from pipeline.commands.estimate import estimate
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.write import write
from pipeline.errors import NeedsPerson, NothingCaptioned, OverBudget, UsageError
from tests.rig import Rig, picture


@pytest.fixture
def places(rig: Rig) -> list[str | Path]:
    """Two folders, a glob of two images, a table and a list; 7 images of 6 contents."""
    root = rig.data
    picture(root / "one" / "a.png", 1)
    picture(root / "two" / "a.png", 2)
    picture(root / "two" / "same.png", 1)
    picture(root / "loose" / "x.png", 3)
    picture(root / "loose" / "y.png", 4)
    picture(root / "listed" / "z.png", 5)
    picture(root / "listed" / "w.png", 6)
    (root / "listed" / "m.csv").write_text("path,title\nz.png,t\nw.png,u\n")
    return [root / "one", str(root / "two"), f"{root}/loose/*.png", root / "listed" / "m.csv"]


def test_one_run_one_batch_one_table(rig: Rig, places: list[str | Path]) -> None:
    quote = estimate(rig.config(), places).quote
    assert (quote.images, quote.requests, quote.duplicates) == (7, 6, 1)
    rig.said.clear()
    report = rig.run(data=places)
    assert (report.images, report.requests, report.batches, report.exit_code) == (7, 6, 1, 0)
    assert {name: dict(one) for name, one in report.by_source.items()} == {
        "one": {"captioned": 1},
        "two": {"captioned": 1, "duplicate": 1},
        "x.png": {"captioned": 1},
        "y.png": {"captioned": 1},
        "m.csv": {"captioned": 2},
    }
    assert sum("6 requests" in text for text in rig.said) == 1
    assert [row["source"] for row in rig.table()] == [
        *("one", "two", "two", "x.png", "y.png", "m.csv", "m.csv")
    ]
    again = rig.run(data=places[::-1])
    assert (again.requests, again.outcomes) == (0, {"captioned": 6, "duplicate": 1})
    lines = list(report.lines())
    assert "  two    captioned 1, duplicate 1" in lines
    rig.check()


def test_each_source_alone_is_known_afterwards(rig: Rig, places: list[str | Path]) -> None:
    rig.run(data=places)
    for place in places:
        report = rig.run(data=place)
        assert (report.requests, report.exit_code) == (0, 0), place
    assert rig.run(manifest=places[-1]).by_source == {}


def test_one_question_about_the_price_of_all(rig: Rig, places: list[str | Path]) -> None:
    with pytest.raises(NeedsPerson, match="not confirmed: 7 requests"):
        rig.run(data=places, yes=False, budget__confirm_above="0")


def test_the_budget_holds_over_all_sources(rig: Rig, places: list[str | Path]) -> None:
    most = estimate(rig.config(), places[0]).quote.max_cost or 0
    report = rig.run(data=places, budget__run=f"{most * 1.5 / 1e9:.9f}")
    assert 0 < report.outcomes["captioned"] < 7
    assert report.outcomes["pending"]
    assert report.exit_code == OverBudget.exit_code
    assert rig.run(data=places).outcomes == {"captioned": 6, "duplicate": 1}
    rig.check()


def test_a_source_that_lost_its_images_does_not_hold_up_the_others(
    rig: Rig, places: list[str | Path]
) -> None:
    rig.run(data=places[:1])
    (rig.data / "one" / "a.png").unlink()
    report = rig.run(data=places)
    assert report.outcomes["captioned"] == 6, "its rows stay as they are"
    assert isinstance(report.error, NothingCaptioned)
    assert "none of the 1 image of one are there" in str(report.error)


def test_a_column_that_one_source_lacks_is_named(rig: Rig, places: list[str | Path]) -> None:
    with pytest.raises(UsageError, match=r"\{title\} that one does not have"):
        rig.run(data=places, prompt__user="Describe {title}.")
    assert rig.run(data=places[-1], prompt__user="Describe {title}.").requests == 2


def test_a_pilot_and_files_to_run_elsewhere(rig: Rig, places: list[str | Path]) -> None:
    findings = pilot(rig.config(), places, PilotOptions(count=6), confirm=lambda _question: True)
    assert (findings.images, len(findings.sample)) == (7, 6)
    assert {one.outcome for one in findings.variants[0].results} == {"captioned"}
    written = write(rig.config(provider__model="gpt-5.4-mini"), places, rig.data.parent / "out")
    assert (written.files, written.requests) == (1, 6)


def test_images_that_look_alike_are_grouped_over_sources(rig: Rig) -> None:
    picture(rig.data / "one" / "a.png", 1, (480, 320))
    picture(rig.data / "two" / "b.jpg", 1, (480, 320))
    alike = find_alike(rig.config(), [rig.data / "one", rig.data / "two"], distance=16)
    assert {(one.path, one.representative) for one in alike} in (
        {("b.jpg", "a.png")},
        {("a.png", "b.jpg")},
    )
