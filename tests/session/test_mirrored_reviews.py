from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.review_sheet import recaption
from pipeline.core.judgements import Judgement
from pipeline.errors import UsageError
from pipeline.review.edits import Edits
from pipeline.session.mirrored_reviews import MirroredReviews
from pipeline.session.settings import RunSettings
from tests.rig import Rig, rig
from tests.session.mirrors import keys, on, restored
from tests.storage.scripted_s3 import ScriptedS3, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["rig", "s3"]


def copies(s3: ScriptedS3) -> list[str]:
    return [key for key in s3.objects if key.startswith("mirror/reviews/")]


def test_a_command_that_sends_nothing_puts_its_edits_there(rig: Rig, s3: ScriptedS3) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    assert recaption(rig.config(**keys(s3)), ["a.png"])[0] == 1
    (copy,) = copies(s3)
    assert copy.startswith("mirror/reviews/1-")
    s3.fail[""] = 503, "SlowDown", 99
    with Edits(rig.workspace.reviews) as edits:
        mirrored = MirroredReviews(RunSettings.of(rig.config(**keys(s3))), rig.workspace, edits)
        mirrored.keep()  # nothing was decided since
        decide(edits)
        with pytest.raises(UsageError, match="the edits are here, but not in the mirror"):
            mirrored.keep()


def decide(edits: Edits) -> None:
    edits.append([Judgement(bytes(32), "", "edit", "", caption="Mine.")], at=1, label="edit")


def test_an_open_page_puts_its_edits_there_now_and_then_and_goes_on_without(
    rig: Rig, s3: ScriptedS3
) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    said: list[str] = []
    with Edits(rig.workspace.reviews) as edits:
        mirrored = MirroredReviews(RunSettings.of(rig.config(**keys(s3))), rig.workspace, edits)
        decide(edits)
        mirrored.keep_at_times(said.append)
        decide(edits)
        mirrored.keep_at_times(said.append)  # at once again
        assert len(copies(s3)) == 1
        s3.fail[""] = 503, "SlowDown", 99
        mirrored.keep_or_say(said.append)
        mirrored.keep_or_say(said.append)  # once is enough
        assert len(said) == 1
        s3.fail.clear()
        decide(edits)
        mirrored.keep_or_say(said.append)
    assert len(copies(s3)) == 2


def test_edits_of_a_copy_that_another_machine_has_taken_over_stay_here(
    rig: Rig, s3: ScriptedS3, tmp_path: Path
) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    first = rig.workspace.root
    restored(rig, s3, tmp_path / "second")
    rig.run(**keys(s3))
    on(rig, first)
    with pytest.raises(UsageError, match="another copy of this workspace is at work"):
        recaption(rig.config(**keys(s3)), ["a.png"])
    assert copies(s3) == []


@pytest.mark.parametrize("mirrored_too", [False, True])
def test_a_record_that_cannot_be_read_does_not_end_the_page(
    rig: Rig, s3: ScriptedS3, mirrored_too: bool
) -> None:
    rig.add("a.png")
    rig.run(**keys(s3))
    settings = RunSettings.of(rig.config(**keys(s3) if mirrored_too else {}))
    said: list[str] = []
    with Edits(rig.workspace.reviews) as edits:
        mirrored = MirroredReviews(settings, rig.workspace, edits)
        rig.workspace.reviews.mkdir()
        mirrored.keep_or_say(said.append)
    assert len(said) == mirrored_too
