"""Rows with people's decisions, through real runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.commands.estimate import estimate
from pipeline.commands.export import export_table
from pipeline.commands.rebuild import rebuild
from pipeline.commands.resolve import resolve
from pipeline.commands.status import status
from pipeline.commands.verify import verify
from pipeline.core.judgements import Action, Judgement
from pipeline.errors import BooksError
from pipeline.review.edits import Edits
from tests.review.test_entry_checksums import damage as changed
from tests.rig import Rig


def row_of(rig: Rig, name: str) -> dict[str, object]:
    return next(row for row in rig.table() if row["path"] == name and row["in_source"])


def judge(rig: Rig, name: str, action: Action, caption: str | None = None) -> None:
    """Judge one image as the page does."""
    row = row_of(rig, name)
    key = row["work_key"]
    judgement = Judgement(
        bytes.fromhex(str(row["source_id"])),
        {},
        action,
        row["model_caption"],  # type: ignore[arg-type]
        row["caption"],  # type: ignore[arg-type]
        row["model_caption"] if action == "accept" else caption,  # type: ignore[arg-type]
        None,
        bytes.fromhex(str(key)) if key else None,
        int(str(row["attempts"])),
    )
    with Edits(rig.workspace.reviews) as edits:
        edits.append([judgement], at=1_790_000_000, label=action, reviewer="Ada", note="so")


def captions_of(rig: Rig, key: str) -> list[dict[str, object]]:
    with rig.ledger() as ledger:
        rows = ledger.database.execute(
            "SELECT a.attempt, a.id = w.answer FROM answers a JOIN works w ON w.id = a.work "
            "WHERE w.work_key = ? ORDER BY a.attempt",
            (bytes.fromhex(key),),
        ).fetchall()
    assert rows[-1][1] == 1, "the latest attempt is the one to show"
    return [{"attempt": attempt} for attempt, _ in rows]


@pytest.fixture
def judged(rig: Rig) -> Rig:
    """Four captions: edited, accepted, rejected, and undecided."""
    rig.add("a.png", "b.png", "c.png", "d.png")
    rig.run()
    judge(rig, "a.png", "edit", "my own words")
    judge(rig, "b.png", "accept")
    judge(rig, "c.png", "reject")
    export_table(rig.config(), rig.said.append)
    return rig


def test_the_table_says_what_to_use_and_what_the_service_said(judged: Rig) -> None:
    rows = {str(row["path"])[0]: row for row in judged.table()}
    assert rows["a"]["caption"] == "my own words"
    assert rows["a"]["model_caption"] not in (None, "my own words")
    assert [rows[name]["review"] for name in "abcd"] == ["edited", "accepted", "rejected", None]
    assert rows["c"]["caption"] is None
    assert rows["c"]["model_caption"]
    assert rows["b"]["caption"] == rows["b"]["model_caption"]
    assert (rows["a"]["reviewer"], rows["a"]["review_note"]) == ("Ada", "so")
    assert rows["a"]["reviewed_at"] is not None
    assert rows["d"]["caption"] == rows["d"]["model_caption"]
    judged.check()


def test_affixes_go_around_the_caption_and_not_around_the_services(judged: Rig) -> None:
    export_table(judged.config(prompt__prefix="sks, "), judged.said.append)
    row = row_of(judged, "a.png")
    assert row["caption"] == "sks, my own words"
    assert not str(row["model_caption"]).startswith("sks")


def test_sidecars_use_the_caption_in_force(judged: Rig) -> None:
    judged.run(output__sidecars="replace")
    assert (judged.data / "a.txt").read_text() == "my own words\n"
    assert not (judged.data / "c.txt").exists()
    assert (judged.data / "d.txt").exists()


def test_a_changed_prompt_sends_only_what_nobody_took_care_of(judged: Rig) -> None:
    price = estimate(judged.config(prompt__user="Another one."), judged.data).quote
    assert (price.requests, price.reviewed) == (2, 2)
    assert price.saved
    before = row_of(judged, "b.png")
    report = judged.run(prompt__user="Another one.")
    assert report.requests == 2
    after = row_of(judged, "b.png")
    assert (after["spec_id"], after["billed_cost"]) == (before["spec_id"], before["billed_cost"])
    assert (after["review"], after["outcome"]) == ("accepted", "captioned")
    assert row_of(judged, "c.png")["review"] == "rejected"  # the server says the same words again
    judged.check()
    assert judged.run(prompt__user="Another one.").requests == 0
    assert judged.run(prompt__user="Another one.", review__include_reviewed=True).requests == 0
    assert judged.run(prompt__user="A third one.", review__include_reviewed=True).requests == 4
    edited = row_of(judged, "a.png")
    assert (edited["caption"], edited["review"]) == ("my own words", "edited")
    judged.check()


def test_an_edit_outlives_a_moved_file_and_a_rebuilt_ledger(judged: Rig) -> None:
    moved = judged.data / "elsewhere"
    moved.mkdir()
    (judged.data / "a.png").rename(moved / "z.png")
    judged.workspace.ledger.rename(judged.workspace.root / "gone")
    for beside in judged.workspace.root.glob("ledger.db-*"):
        beside.unlink()
    rebuild(judged.config(), judged.said.append)
    assert judged.run().requests == 0
    assert row_of(judged, "elsewhere/z.png")["caption"] == "my own words"
    assert verify(judged.config()).findings == ()


def test_a_copy_of_the_file_has_the_edit_too(judged: Rig, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    shutil.copytree(judged.data, other)
    judged.run(data=other)
    captions = [row["caption"] for row in judged.table() if row["path"] == "a.png"]
    assert captions == ["my own words"] * 2


def test_another_go_is_one_request_and_its_caption_is_shown(judged: Rig) -> None:
    judge(judged, "c.png", "again")
    report = judged.run()
    assert report.requests == 1
    row = row_of(judged, "c.png")
    assert row["attempts"] == 2
    assert judged.run().requests == 0
    answers = {row["attempt"] for row in captions_of(judged, str(row["work_key"]))}
    assert answers == {1, 2}


def test_rows_of_one_picture_with_other_values_keep_their_own(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,title\n{rig.data}/a.png,One\n{rig.data}/a.png,Two\n")
    settings = {"prompt__user": "Describe {title}"}
    rig.run(manifest=manifest, **settings)
    source_id = bytes.fromhex(rig.table()[0]["source_id"])
    with Edits(rig.workspace.reviews) as edits:
        edit = Judgement(source_id, {"title": "One"}, "edit", "x", "x", "about one")
        edits.append([edit], at=1, label="x")
    export_table(rig.config(), rig.said.append)
    by_title = {row["title"]: row["caption"] for row in rig.table()}
    assert by_title["One"] == "about one"
    assert by_title["Two"] != "about one"


def test_status_says_when_the_table_is_older_than_the_edits(judged: Rig) -> None:
    assert status(judged.config()).unexported == 0
    judge(judged, "d.png", "accept")
    assert status(judged.config()).unexported == 1
    judged.run()
    assert status(judged.config()).unexported == 0


def test_verify_finds_a_damaged_record(judged: Rig) -> None:
    assert verify(judged.config()).findings == ()
    judged.workspace.reviews.write_bytes(b"x" * 5000)
    assert "reviews.db is damaged" in " ".join(verify(judged.config()).findings)


def test_a_decision_that_changed_since_is_not_believed_until_a_person_has_looked(
    judged: Rig,
) -> None:
    posts, before = judged.posts(), judged.table()
    changed(judged.workspace.reviews, "UPDATE judgements SET caption = 'My own words' WHERE id = 1")
    (finding,) = verify(judged.config()).findings
    assert "decision 1 changed since it was written" in finding
    for command in (
        lambda: judged.run(prompt__user="Other words"),
        lambda: export_table(judged.config(), judged.said.append),
    ):
        with pytest.raises(BooksError, match="decision 1 changed since"):
            command()
    assert (judged.posts(), judged.table()) == (posts, before)
    (done,) = resolve(judged.config(), "review", judged.said.append)
    assert done.startswith("1 entry of ")
    assert verify(judged.config()).findings == ()
    judged.run()
    assert row_of(judged, "a.png")["caption"] == "My own words"
    assert judged.posts() == posts
