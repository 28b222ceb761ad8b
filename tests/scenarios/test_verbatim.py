"""Captions come out as they went in: through HTTP, journal or batch, ledger, table and texts."""

from __future__ import annotations

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.server import responder
from pipeline.server.faults import LineFault
from tests.rig import Rig

LONGEST = 1_000_000  # characters
KINDS = {
    "huge": responder._SPECIAL["huge"],
    "line_separators": responder._SPECIAL["line_separators"],
    "control_characters": responder._SPECIAL["control_characters"],
    # no UTF-8 holds half a pair: it is replaced, and kept in the raw file only
    "surrogate": responder._SPECIAL["surrogate"].replace("\ud800", "\ufffd"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("provider", ["openai", "openai_online"])
def test_a_caption_is_the_same_at_every_place(
    rig: Rig, provider: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a service that packs more into a token: the longest caption fits into the most there may be
    monkeypatch.setattr(responder, "text_tokens", lambda _model, text: len(text) // 20 + 1)
    expected = KINDS[kind]
    rig.add("a.png")
    rig.server.faults.add(LineFault(outcome=kind, times=1))  # type: ignore[arg-type]
    asked = {"provider__name": provider, "prompt__max_completion_tokens": 100_000}
    report = rig.run(output__sidecars="replace", **asked)  # type: ignore[arg-type]
    assert report.outcomes == {"captioned": 1}
    with rig.ledger() as ledger:
        (kept,) = ledger.database.execute("SELECT caption FROM answers")
    table = str(rig.workspace.table)
    (found,) = duckdb.sql(f"SELECT caption FROM '{table}'").fetchall()
    assert kept == found == (expected,)
    assert pq.read_table(table)["caption"].to_pylist() == [expected]
    assert list(pd.read_parquet(table)["caption"]) == [expected]
    assert (rig.data / "a.txt").read_bytes() == expected.encode() + b"\n"
    assert rig.run(**asked).requests == 0  # type: ignore[arg-type]
    rig.check()


def test_the_longest_is_as_long_as_it_is_said_to_be() -> None:
    assert len(KINDS["huge"]) == LONGEST
