from __future__ import annotations

from pathlib import Path

from pipeline.config import load_config
from pipeline.core.judgements import Judgement
from pipeline.ledger import Ledger
from pipeline.ledger.specs import RecipeRow
from pipeline.review.edits import Edits
from pipeline.session.existing_texts import leaving_texts
from pipeline.session.settings import RunSettings
from pipeline.stages.values import CaptionTask

TASK = CaptionTask((1,), 1, bytes(32), RecipeRow(1, b""), "x")
IMAGE = bytes(32)


def test_without_the_key_nothing_changes(tmp_path: Path) -> None:
    settings = RunSettings.of(load_config(None))
    with Ledger(tmp_path / "ledger.db") as ledger, Edits(tmp_path / "reviews.db") as edits:
        assert leaving_texts(TASK, settings, ledger, edits) is TASK


def test_a_text_that_we_wrote_is_ours_also_beside_a_file_that_nobody_has_read(
    tmp_path: Path,
) -> None:
    settings = RunSettings.of(load_config(None, {"input.skip_captioned": ["sidecar"]}))
    with Ledger(tmp_path / "ledger.db") as ledger, Edits(tmp_path / "reviews.db") as edits:
        with ledger.database.transaction("test"):
            ledger.database.execute("INSERT INTO originals (source_id) VALUES (?)", (IMAGE,))
            ledger.existing_texts.note_written([(IMAGE, "a cat")])
        task = leaving_texts(TASK, settings, ledger, edits)
        assert not task.has_text(b"", {}, "a cat")
        assert task.has_text(b"", {}, "a dog")


def test_what_people_wrote_decides(tmp_path: Path) -> None:
    settings = RunSettings.of(load_config(None, {"input.skip_captioned": ["sidecar"]}))
    with Ledger(tmp_path / "ledger.db") as ledger, Edits(tmp_path / "reviews.db") as edits:
        task = leaving_texts(TASK, settings, ledger, edits)
        assert task.has_text(IMAGE, {}, "by hand")
        assert task.has_text(b"", {}, "by hand")
        paid = Judgement(IMAGE, {}, "edit", caption="written", work_key=bytes(32))
        edits.append([paid], at=1, label="x")
        assert not task.has_text(IMAGE, {}, "written")  # a run wrote it beside the image
        assert task.has_text(IMAGE, {}, "by hand")
        edits.append([Judgement(IMAGE, {}, "edit", caption="later")], at=2, label="x")
        assert task.has_text(IMAGE, {}, "later")  # it was never paid for
