from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.commands.resolve import resolve
from pipeline.core.packing import ShardLimits
from pipeline.session.report import Report
from pipeline.stages.online import captioner
from pipeline.system import failpoints
from tests.rig import Rig, rig
from tests.session.mirrors import keys, on, restored
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig", "s3"]


def test_two_machines_on_one_mirror_are_noticed(rig: Rig, s3: ScriptedS3, tmp_path: Path) -> None:
    rig.add("a.png")
    published = {**keys(s3), "output.parquet": "s3://bucket/out.parquet"}
    rig.run(**published)
    first = rig.workspace.root
    restored(rig, s3, tmp_path / "second")
    rig.add("b.png", first=5)
    rig.run(**published)
    on(rig, first)
    rig.add("c.png", first=6)
    posts = rig.posts()
    report = rig.run(**published)  # what the other has published is not in the way of the words
    assert report.exit_code == 5
    assert rig.posts() == posts
    resolve(rig.config(**keys(s3)), "twin", rig.said.append)
    rig.run(**keys(s3))
    rig.check()
    assert rig.outcomes() == {"captioned": 3}
    on(rig, tmp_path / "second")
    rig.add("d.png", first=7)
    assert rig.run(**keys(s3)).exit_code == 5


class Lost(Exception):
    """The machine is gone."""


def lost_at(rig: Rig, s3: ScriptedS3, place: str, visit: int, **overrides: object) -> None:
    """Run until a machine is lost at a failpoint: nothing that it does after that reaches the
    mirror."""
    mirror: dict[str, bytes] = {}
    left = visit

    def hook(name: str) -> None:
        nonlocal left
        left -= name == place
        if name == place and not left:
            mirror.update(s3.objects)
            raise Lost

    failpoints.arm(hook)
    try:
        with pytest.raises(Lost):
            rig.run(**keys(s3), **overrides)
    finally:
        failpoints.arm(None)
    s3.objects.clear()
    s3.objects.update(mirror)


def test_a_copy_that_has_nothing_to_send_is_told_of_the_other_too(
    rig: Rig, s3: ScriptedS3, tmp_path: Path
) -> None:
    rig.add("a.png")
    overrides = {**keys(s3), "provider__name": "openai_online"}
    rig.run(**overrides)
    first = rig.workspace.root
    restored(rig, s3, tmp_path / "second", provider__name="openai_online")
    rig.run(**overrides)
    on(rig, first)
    report = rig.run(**overrides)
    assert report.exit_code == 5
    assert any("another copy" in problem for problem in report.problems)


def places(sample: list[tuple[str, int]], more: list[tuple[str, int]]) -> list[object]:
    """Moments of a run, most of them only for `make crash`."""
    return [*sample, *(pytest.param(*one, marks=pytest.mark.long) for one in more)]


BATCH_PLACES = places(
    [("submit.after_create", 2), ("collect.after_download", 1)],
    [
        *(("write.after_seal", 1), ("submit.after_upload", 1), ("submit.before_create", 1)),
        *(("submit.after_create", 1), ("collect.before_download", 1), ("collect.before_settle", 1)),
        *(("clean.before_record", 1), ("export.written", 1)),
    ],
)


@pytest.mark.parametrize(("place", "visit"), BATCH_PLACES)
def test_a_machine_that_is_lost_with_batches_under_way_costs_nothing(
    rig: Rig, s3: ScriptedS3, tmp_path: Path, place: str, visit: int
) -> None:
    rig.add(*(f"{n}.png" for n in range(4)))
    lost_at(rig, s3, place, visit, batch__max_requests=2, batch__first_requests=0)
    shutil.move(rig.workspace.root, tmp_path / "lost")
    if not s3.objects:
        return  # nothing was sent, and there is no mirror yet
    restored(rig, s3, tmp_path / "new")
    rig.run(**keys(s3))
    rig.check()
    assert rig.outcomes() == {"captioned": 4}
    assert rig.run(**keys(s3)).requests == 0


ONLINE_PLACES = places(
    [("online.before_post", 2), ("online.answered", 2), ("online.before_settle", 2)],
    [
        *(("online.before_card", n) for n in (1, 2)),
        *(("online.answered", n) for n in (1, 3)),
        *(("online.settled", n) for n in (1, 2)),
        *(("online.before_post", 1), ("online.before_settle", 1), ("export.written", 1)),
    ],
)


@pytest.mark.parametrize(("place", "visit"), ONLINE_PLACES)
def test_a_machine_that_is_lost_between_online_answers_pays_none_of_them_again(
    rig: Rig,
    s3: ScriptedS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    visit: int,
) -> None:
    monkeypatch.setattr(captioner, "GROUP", ShardLimits(requests=2, bytes=10**7, tokens=10**9))
    rig.add(*(f"{n}.png" for n in range(4)))
    lost_at(rig, s3, place, visit, provider__name="openai_online")
    shutil.move(rig.workspace.root, tmp_path / "lost")
    restored(rig, s3, tmp_path / "new", provider__name="openai_online")
    rig.run(**keys(s3), provider__name="openai_online")
    rig.check(at_rest=False)
    outcomes = rig.outcomes()
    assert set(outcomes) <= {"captioned", "missing"}
    assert sum(outcomes.values()) == 4
    booked = 2 * visit if place in ("online.before_settle", "online.settled") else 0
    assert outcomes["captioned"] >= booked  # the others were under way
    assert rig.run(**keys(s3), provider__name="openai_online").requests == 0
    books = rig.server.bill
    assert not books.billed_again()


def test_online_requests_of_a_machine_that_is_not_lost_after_all_are_noticed(
    rig: Rig, s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captioner, "GROUP", ShardLimits(requests=2, bytes=10**7, tokens=10**9))
    rig.add(*(f"{n}.png" for n in range(8)))
    first, second = rig.workspace.root, tmp_path / "second"
    overrides = {**keys(s3), "provider__name": "openai_online"}
    left = 2
    reports: list[Report] = []

    def hook(name: str) -> None:
        nonlocal left
        left -= name == "online.before_card"
        if not left and name == "online.before_card":  # another machine goes on meanwhile
            failpoints.arm(None)
            restored(rig, s3, second, provider__name="openai_online")
            reports.append(rig.run(**overrides))
            on(rig, first)

    failpoints.arm(hook)
    report = rig.run(**overrides)
    assert reports[0].exit_code == 0
    assert report.exit_code == 5
    assert not rig.server.bill.billed_again()
    on(rig, second)
    rig.run(**overrides)
    rig.check(at_rest=False)
