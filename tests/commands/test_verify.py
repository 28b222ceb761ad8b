"""A workspace that was really worked in, and then damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.commands.verify import Verdict, verify
from pipeline.config import load_config
from pipeline.errors import BooksError, Busy, UsageError
from pipeline.records import Say
from pipeline.stages.export import WRITTEN
from pipeline.system.workspace import Workspace
from tests.crash.rig import World
from tests.crash.zygote import Zygote
from tests.killing import killed_at
from tests.rig import Rig


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    zygote = Zygote()
    with World(zygote, 4, settings={"batch.keep_shards": True}) as made:
        assert made.run() == 0, made.said
        made.add({"late.jpg": 30})
        made.run(kill=("submit.after_create", 1))
        yield made
    zygote.close()


@pytest.fixture
def copy(world: World, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(world.workspace, tmp_path / "ws"))


def look(folder: Path, at: Say = lambda _text: None) -> Verdict:
    overrides = {"workspace": str(folder), "provider.name": "openai"}
    return verify(load_config(None, overrides), at=at)


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        for sql in statements:
            ledger.execute(sql)


_CAPTION = "UPDATE answers SET caption = substr(caption, 1, 3) || 'x' || substr(caption, 5)"


def swap(path: Path, before: bytes, after: bytes) -> None:
    data = path.read_bytes()
    assert before in data
    path.write_bytes(data.replace(before, after))


def test_all_is_well_in_one_line(copy: Path) -> None:
    steps: list[str] = []
    verdict = look(copy, steps.append)
    assert verdict.findings == ()
    assert steps == [
        "reading request files and raw files",
        "comparing the answers of batch 1 of 2",
        "comparing the answers of batch 2 of 2",
        "reading the table",
    ]
    assert verdict.line.startswith("all is well: 5 images, 2 batches, 4 files, 4 answers, $")


def newest(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is gone": (lambda ws: newest(ws, "shards/*.jsonl").unlink(), "is missing"),
    "a shard is cut": (lambda ws: shorten(newest(ws, "shards/*.jsonl")), "is not what was written"),
    "a raw file is gone": (lambda ws: newest(ws, "raw/*.gz").unlink(), "cannot be rebuilt"),
    "a raw file is cut": (lambda ws: shorten(newest(ws, "raw/*.gz")), "cannot be read"),
    "a raw file is emptied": (
        lambda ws: newest(ws, "raw/*.gz").write_bytes(b""),
        "cannot be read: it is empty",
    ),
    "the table is gone": (lambda ws: (ws / "captions.parquet").unlink(), "captionmill export"),
    "the table is cut": (lambda ws: shorten(ws / "captions.parquet"), "captionmill export"),
    "workspace.json is gone": (lambda ws: (ws / "workspace.json").unlink(), "does not name this"),
    "a charge is changed": (
        lambda ws: change(ws, "UPDATE answers SET billed = billed + 1 WHERE id = 1"),
        "nano-dollars settled, but",
    ),
    "a letter of a caption is changed": (
        lambda ws: change(ws, f"{_CAPTION} WHERE id = 2"),
        "1 answer in the ledger changed since they came",
    ),
    "a letter and its checksum are changed": (
        lambda ws: change(ws, f"{_CAPTION}, checksum = NULL WHERE id = 2"),
        "1 answer in the ledger differ from their raw answers",
    ),
    "tokens are changed": (
        lambda ws: change(
            ws, "UPDATE answers SET prompt_tokens = prompt_tokens + 1, checksum = NULL"
        ),
        "2 answers in the ledger differ from their raw answers",
    ),
    "a caption without its raw file is changed": (
        lambda ws: (newest(ws, "raw/*.gz").unlink(), change(ws, _CAPTION)),
        "restore an older copy of ledger.db",
    ),
    "an answer and its work are changed": (
        lambda ws: change(
            ws,
            "UPDATE answers SET outcome = 'refused' WHERE id = 1",
            "UPDATE works SET outcome = 'refused' WHERE answer = 1",
        ),
        "captionmill rebuild",
    ),
    "an answer is of nobody": (
        lambda ws: change(ws, "UPDATE answers SET attempt = 7 WHERE id = 3"),
        "1 answer in the ledger and in no raw file",
    ),
    "a batch record is gone": (
        lambda ws: newest(ws, "raw/*.batch.json").unlink(),
        "is missing: 'captionmill collect' writes it again",
    ),
    "a batch record is changed": (
        lambda ws: swap(newest(ws, "raw/*.batch.json"), b'"captionmill_shard": "0', b": 1"),
        "cannot be read: 'captionmill collect'",
    ),
    "a batch record names another batch": (
        lambda ws: swap(newest(ws, "raw/*.batch.json"), b'"id": "batch', b'"id": "butch'),
        "is not what was written: 'captionmill collect'",
    ),
    "an answer is gone": (
        lambda ws: change(ws, "UPDATE works SET answer = NULL WHERE id = 1"),
        "outcomes without an answer: 1",
    ),
    "a reservation is gone": (
        lambda ws: change(ws, "DELETE FROM reservations WHERE id = 1"),
        "batches without a reservation: 1",
    ),
    "a reservation is open again": (
        lambda ws: change(
            ws, "UPDATE reservations SET state = 'open', settled = NULL WHERE id = 1"
        ),
        "settled batches whose reservations are still open: 1",
    ),
    "a line is gone": (lambda ws: change(ws, "DELETE FROM items WHERE live = 1"), "in no shard"),
    "an image is free": (
        lambda ws: change(ws, "UPDATE works SET state = 'pending' WHERE state = 'live'"),
        "whose images are not under way",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(name: str, copy: Path) -> None:
    damage, words = DAMAGE[name]
    damage(copy)
    verdict = look(copy)
    assert len(verdict.findings) >= 1
    assert any(words in finding for finding in verdict.findings), verdict.findings
    assert " in " in verdict.line


def test_a_flipped_bit_of_the_table_is_found(copy: Path) -> None:
    path = copy / "captions.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    assert len(look(copy).findings) == 1


def test_a_table_of_another_workspace_is_found(copy: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(copy / "captions.parquet")
    pq.write_table(table, copy / "captions.parquet", write_page_checksum=True)
    (finding,) = look(copy).findings
    assert "is not the table that was written" in finding


def test_a_damaged_ledger_is_said(copy: Path) -> None:
    for journal in copy.glob("ledger.db-*"):
        journal.unlink()  # SQLite would mend the file from it
    (copy / "ledger.db").write_bytes(b"no database" * 1000)
    with pytest.raises(BooksError, match="captionmill rebuild"):
        look(copy)


def test_no_workspace_and_a_busy_one_are_said(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        look(tmp_path / "none")
    with Workspace(copy).lock(), pytest.raises(Busy):
        look(copy)


def test_what_the_last_version_took_is_no_damage_and_is_counted(copy: Path) -> None:
    import gzip

    for raw in copy.glob("raw/*.output.jsonl.gz"):
        lines = gzip.decompress(raw.read_bytes())
        assert b'"stop"' in lines
        raw.write_bytes(gzip.compress(lines.replace(b'"stop"', b'"eos"')))
    assert any("differ from their raw answers" in finding for finding in look(copy).findings)
    change(copy, "UPDATE answers SET rules = NULL, checksum = NULL")
    verdict = look(copy)
    assert verdict.findings == ()
    assert verdict.notes == (
        "4 answers of earlier versions would be read otherwise today: they stay as they were taken",
    )


def test_costs_that_the_service_names_otherwise_are_noted(copy: Path) -> None:
    change(copy, "UPDATE answers SET service_cost = billed + 2000 WHERE id = 1")
    (note,) = look(copy).notes
    assert note.startswith("1 answer cost $")
    assert "as the service names it" in note
    change(copy, "UPDATE answers SET service_cost = billed + 500 WHERE id = 1")
    assert look(copy).notes == ()


@pytest.mark.parametrize(
    ("findings", "originals", "line"),
    [
        ((), None, "all is well: 1 image, 2 batches, 3 files, 4 answers, $0.0100 in the books"),
        (
            ("odd",),
            5,
            "1 finding in 1 image, 2 batches, 3 files, 4 answers, 5 originals, "
            "$0.0100 in the books",
        ),
    ],
)
def test_a_verdict_says_in_one_line_what_was_checked(
    findings: tuple[str, ...], originals: int | None, line: str
) -> None:
    verdict = Verdict(
        images=1, batches=2, files=3, settled=10**7, findings=findings, answers=4,
        originals=originals,
    )  # fmt: skip
    assert verdict.line == line


def test_a_table_that_nobody_could_record_is_sound_and_no_other_is(rig: Rig) -> None:
    table = rig.workspace.table
    rig.add("a.png", "b.png")
    rig.run()
    earlier = table.read_bytes()
    rig.add("c.png", first=5)
    with rig.ledger() as ledger:
        recorded = ledger.get(WRITTEN)
    with killed_at("export.written"):
        rig.run(wait=False)
    unrecorded = table.read_bytes()
    with rig.ledger() as ledger:
        assert ledger.get(WRITTEN) == recorded
    assert len(rig.table()) == 3
    assert verify(rig.config()).findings == ()
    damaged = bytearray(unrecorded)
    for position in range(0, len(damaged), 197):
        damaged[position] ^= 1
        table.write_bytes(damaged)
        assert verify(rig.config()).findings
        damaged[position] ^= 1
    table.write_bytes(earlier)  # a kill before it had its name
    assert verify(rig.config()).findings == ()
    table.write_bytes(unrecorded)
    rig.run()
    assert rig.outcomes() == {"captioned": 3}
    assert verify(rig.config()).findings == ()
    table.write_bytes(earlier)
    assert "captionmill export" in str(verify(rig.config()).findings)
