"""Ordinary lines are settled quickly, all others the long way: both ways give the same books."""

from __future__ import annotations

import atexit
import gzip
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import answer_lines
from pipeline.core.retry import DEFAULT_RULES
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.ledger import Ledger
from pipeline.ledger import settling as ledger_settling
from pipeline.ledger.reservations import Scope
from pipeline.ledger.seals import broken_seals
from pipeline.stages import results
from pipeline.stages.read_report import ReadReport, Unexplained
from tests.stages.test_results import KEYS, NOW, SCHEMA, expired, line, settling

LONG = replace(OPENAI_FORMAT, ordinary=lambda: lambda *_: None)
STRUCTURED = '{"caption": "a %s", "tags": ["x"]}'
TABLES = (
    "SELECT w.work_key, a.* FROM answers a JOIN works w ON w.id = a.work",
    "SELECT w.work_key, w.state, w.outcome, w.reason, w.attempts, w.after, a.caption, a.attempt "
    "FROM works w LEFT JOIN answers a ON a.id = w.answer",
    "SELECT work, attempt, live FROM items",
    "SELECT generation, state, settled FROM reservations",
    "SELECT batch_id, state FROM batches",
    "SELECT * FROM calibration",
)
which = st.integers(0, len(KEYS) - 1)
captions = st.sampled_from(["a cat", "a dog", "<think>hm</think> a cat", "", STRUCTURED % "cat"])
ordinary = st.builds(
    line,
    key=st.sampled_from([*KEYS, b"z" * 32]),
    caption=captions,
    prompt=st.sampled_from([0, 100, 100, 10**6]),
    completion=st.sampled_from([10, 10**6]),
    attempt=st.sampled_from([1, 1, 1, 2]),
)
odd = st.one_of(
    st.builds(expired, st.sampled_from(KEYS)),
    st.sampled_from([b"{}\n", b"\n", b"not JSON\n", b'{"custom_id": "x"}\n']),
    st.builds(lambda one: one.replace(b"stop", b"length"), ordinary),
    st.builds(lambda one: one.replace(b'"usage"', b'"used"'), ordinary),
    st.builds(lambda one: one.replace(b'"error": null', b'"error": {"code": "x"}'), ordinary),
    st.builds(lambda one: one.replace(b"200", b"500"), ordinary),
    st.builds(lambda one: one[: len(one) // 2] + b"\n", ordinary),
)
files = st.lists(st.one_of(ordinary, ordinary, odd), max_size=12).map(b"".join)


@cache
def _empty_ledger() -> Path:
    """Ledger that needs no migration: making one takes longer than the rest."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    Ledger(folder / "ledger.db").close()
    return folder / "ledger.db"


def books(
    wire_format: WireFormat, content: list[bytes], role: str, schema: object, status: str
) -> object:
    """All that is written, reported and counted for a batch of eight requests."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_settling, "_CHUNK", 3)
        patch.setattr(ledger_settling, "_FEW", 3)
        patch.setattr(ledger_settling, "_SHORT", 2)
        patch.setattr(answer_lines, "_PAGE_BYTES", 1_000)  # one or two lines
        shutil.copy(_empty_ledger(), Path(folder) / "ledger.db")
        scene = settling(Path(folder), schema)
        ledger, run = scene.ledger, scene.ledger.begin_run("test", NOW)
        paths = [Path(folder) / f"{number}.gz" for number in range(len(content))]
        for path, text in zip(paths, content, strict=True):
            path.write_bytes(gzip.compress(text, 1))
        ledger.database.execute("UPDATE batches SET role = ?, status = ?", (role, status))
        (batch,) = ledger.batches.in_states("open")
        scope, report = Scope(run, NOW), ReadReport()
        ledger.reservations.record_unasked(scene.shard.row, batch.booked_as, 8 * 10**6, scope)
        try:
            with ledger.database.trusted_references():
                counted = ledger.answers.settle(
                    scene.shard, batch,
                    results.read_answers(
                        ledger, scene.shard, batch, paths, None, report, wire_format
                    ),
                    DEFAULT_RULES, NOW, ends=report.ends,
                )  # fmt: skip
            assert not ledger.database.execute("PRAGMA foreign_key_check").fetchall()
            assert not [*broken_seals(ledger.database)]
        except Unexplained as unexplained:
            ledger.close()
            return str(unexplained)
        rows = [sorted(map(repr, _without_ids(ledger.database.execute(sql)))) for sql in TABLES]
        ledger.close()
        counted.over.sort()
        return rows, counted, report


def _without_ids(rows: object) -> list[tuple[object, ...]]:
    """Rows without the numbers that depend on the order of writing."""
    named = [tuple(row) for row in rows]  # type: ignore[attr-defined]
    return [(*row[:1], *row[2:]) if len(row) > 20 else row for row in named]


@settings(max_examples=60)
@given(
    st.lists(files, min_size=1, max_size=2),
    st.sampled_from(["main", "main", "stray", "file"]),
    st.sampled_from([None, SCHEMA]),
    st.sampled_from(["completed", "expired"]),
)
def test_both_ways_give_the_same_books(
    content: list[bytes], role: str, schema: object, status: str
) -> None:
    quick = books(OPENAI_FORMAT, content, role, schema, status)
    assert quick == books(LONG, content, role, schema, status)


def test_the_quick_way_is_taken() -> None:
    def refused(*_: object) -> None:
        raise AssertionError("the long way")

    content = [b"".join(line(key) for key in KEYS)]
    long = books(LONG, content, "main", None, "completed")
    quick = replace(OPENAI_FORMAT, judge=refused)  # type: ignore[arg-type]
    assert books(quick, content, "main", None, "completed") == long
