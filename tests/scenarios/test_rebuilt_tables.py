"""A lost ledger is made again: table, charges and books are what they were, and nothing is sent.

What nothing tells but the lost ledger is named in `tests.rebuilt.FORGOTTEN`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from pipeline.commands.cancel import cancel
from pipeline.commands.collect import collect, collect_files
from pipeline.commands.export import export_charges
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.rebuild import rebuild
from pipeline.commands.retry import retry
from pipeline.commands.verify import verify
from pipeline.commands.write import write
from pipeline.core.judgements import Judgement
from pipeline.errors import NeedsPerson
from pipeline.imaging import prepare
from pipeline.ledger import Ledger
from pipeline.review.edits import Edits
from pipeline.server.faults import BatchFault, LineFault, RequestFault
from tests.rebuilt import CHARGE, IMAGE, Rows, differences
from tests.rig import KEY, Rig, picture
from tests.server.support import client_for, submit, wait_for
from tests.stages.test_dedupe import NEAR, scene

Again = Callable[[], Any]


def charges_of(rig: Rig) -> Rows:
    path = rig.workspace.root / "charges.parquet"
    export_charges(rig.config(), path, rig.said.append)
    rows: Rows = pq.read_table(path).to_pylist()
    return rows


def lost_and_rebuilt(rig: Rig, *again: Again) -> list[str]:
    """What is not as it was, once a lost ledger is rebuilt and the same commands have run again."""
    table, charges, posts = rig.table(), charges_of(rig), rig.posts(None)
    with rig.ledger() as ledger:
        books = ledger.reservations.totals()
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    files = len(rig.server.bill.requests("GET", "/v1/files/*"))
    result = rebuild(rig.config(), rig.said.append)
    asked = len(rig.server.bill.requests("GET", "/v1/files/*")) - files
    for command in again or (rig.run,):
        command()
    found = differences(table, rig.table(), IMAGE)
    found += differences(charges, charges_of(rig), CHARGE)
    with rig.ledger() as ledger:
        if ledger.reservations.totals() != books:
            found.append(f"books {books}: {ledger.reservations.totals()}")
    if rig.posts(None) != posts:
        found.append(f"{rig.posts(None) - posts} requests were sent")
    if asked and not result.open:
        found.append(f"{asked} files were asked for")
    return [*found, *verify(rig.config()).findings]


def fault(rig: Rig, *outcomes: str, **more: Any) -> None:
    for outcome in outcomes:
        rig.server.faults.add(LineFault(outcome=outcome, times=1, **more))


def test_answers_of_every_outcome(rig: Rig) -> None:
    rig.add(*(f"a/{n}.png" for n in range(9)))
    shutil.copy(rig.data / "a/0.png", rig.data / "a/0-copy.png")
    (rig.data / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    (rig.data / "notes.md").write_text("no image")
    fault(rig, "refusal", "content_filter", "length", "empty", "no_usage", "zero_usage")
    fault(rig, "status", status=400, code="bad")
    fault(rig, "server_error")
    rig.run(batch__max_requests=3)
    retry(rig.config(), ["refused", "filtered"], rig.said.append)
    assert sum(rig.run().outcomes.values()) == 11
    assert lost_and_rebuilt(rig) == []


def test_batches_that_did_not_end_well(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(4)))
    rig.server.faults.add(BatchFault(times=1, expire_at_fraction=0.5))
    rig.run()
    rig.add("5.png", "6.png", first=20)
    rig.server.faults.add(BatchFault(times=1, fail="token_limit_exceeded"))
    rig.run(wait=False)
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.database.execute("UPDATE shards SET not_before = 0")  # the wait is over
    rig.run()
    rig.add("7.png", "8.png", "9.png", first=30)
    rig.server.faults.add(BatchFault(times=1, missing=1))
    rig.run()
    assert rig.outcomes() == {"captioned": 8, "missing": 1}
    found = lost_and_rebuilt(rig)
    # what is left open is fetched again, and is of then
    assert [text for text in found if "_at: " not in text] == []
    assert len(found) <= 5


def test_a_batch_that_was_cancelled(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*(f"{n}.png" for n in range(4)))
    rig.run(wait=False)
    rig.pass_time(1800)
    cancel(rig.config(), rig.said.append)
    rig.pass_time(10)
    assert collect(rig.config()).outcomes["captioned"] == 2
    rig.run(wait=False)
    rig.pass_time(4000)
    collect(rig.config())
    assert rig.run(wait=False).outcomes == {"captioned": 4}
    assert lost_and_rebuilt(rig) == []


def test_online_requests(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(5)))
    rig.server.faults.add(RequestFault(action="drop_after", path="/v1/chat/completions", nth=2))
    fault(rig, "no_usage", "refusal")

    def again() -> None:
        rig.run(provider__name="openai_online")

    again()
    assert lost_and_rebuilt(rig, again) == []


def test_requests_in_files(rig: Rig, tmp_path: Path) -> None:
    rig.add("1.png", "2.png", "3.png")
    out = tmp_path / "out"
    out.mkdir()
    write(rig.config(), rig.data, out, say=rig.said.append)
    (requests,) = out.iterdir()
    fault(rig, "no_usage")
    client = client_for(rig.server.base_url, KEY)
    batch = wait_for(client, submit(client, data=requests.read_bytes()).id)
    lines = client.files.content(str(batch.output_file_id)).content.splitlines(keepends=True)
    client.close()
    for name, part in (("one", lines[:1]), ("rest", lines[1:])):
        (out / name).write_bytes(b"".join(part))
        collect_files(rig.config(), [out / name])
    assert lost_and_rebuilt(rig) == []


def test_sources_prompts_and_columns(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    other = rig.data.parent / "other"
    picture(other / "c.png", 7)
    shutil.copy(rig.data / "a.png", other / "a.png")
    listed = rig.data.parent / "items.csv"
    listed.write_text("path,shop\nimgs/a.png,one\nimgs/a.png,two\nother/c.png,three\n")
    again: tuple[Again, ...] = (
        lambda: rig.run(data=[rig.data, other]),
        lambda: rig.run(manifest=listed, prompt__user="What does {shop} sell?"),
        lambda: pilot(
            rig.config(),
            rig.data,
            PilotOptions(count=2, prompts=(("short", "Short?"),)),
            confirm=lambda _question: True,
        ),
        lambda: rig.run(data=other, prompt__user="What else?"),
    )
    for command in again:
        command()
    assert lost_and_rebuilt(rig, *again) == []


def test_prices_that_changed(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.add("b.png", first=5)
    fault(rig, "no_usage")
    dearer = {"input": "9", "output": "9"}
    changed = {f"prices__gpt-6-luna__{name}": value for name, value in dearer.items()}
    rig.run(**changed)  # type: ignore[arg-type]
    assert lost_and_rebuilt(rig) == []
    assert len({row["price_version"] for row in rig.table()}) == 2


def test_what_a_person_wrote(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    row = rig.table()[0]
    judgement = Judgement(
        bytes.fromhex(row["source_id"]), {}, "edit", row["model_caption"], row["caption"], "mine",
        None, bytes.fromhex(row["work_key"]), row["attempts"],
    )  # fmt: skip
    with Edits(rig.workspace.reviews) as edits:
        edits.append([judgement], at=1_790_000_000, label="edit", reviewer="Ada")
    rig.run()
    assert rig.table()[0]["caption"] == "mine"
    assert lost_and_rebuilt(rig) == []


def test_highest_costs_that_no_record_tells_are_what_is_left_of_the_batch(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    fault(rig, "no_usage", "no_usage")
    rig.run()
    with rig.ledger() as ledger:
        reserved = ledger.database.number("SELECT reserved FROM reservations")
    (record,) = rig.workspace.raw.glob("*.batch.json")
    text = json.loads(record.read_bytes())
    text["metadata"] = {  # as versions before wrote it
        name: value
        for name, value in text["metadata"].items()
        if not name.endswith(("_highest_nano", "_received", "_checksum"))
    }
    record.write_text(json.dumps(text))
    found = lost_and_rebuilt(rig)
    assert sum(row["billed_cost"] for row in rig.table()) * 10**9 == reserved
    assert sum(row["charged_cost"] for row in charges_of(rig)) * 10**9 == reserved
    known = ("billed_cost", "charged_cost", "captioned_at", "received_at", "books")
    assert [text for text in found if not any(word in text for word in known)] == []
    with rig.ledger() as ledger:
        assert any("2 answers without usage" in text for _, _, text in ledger.incidents())


def test_the_image_that_was_sent_first_stays_the_one_that_is_shown(rig: Rig) -> None:
    rig.add("m.png")
    rig.run()
    shutil.copy(rig.data / "m.png", rig.data / "a.png")
    rig.run()
    assert {row["path"]: row["outcome"] for row in rig.table()} == {
        "a.png": "duplicate", "m.png": "captioned",
    }  # fmt: skip
    assert lost_and_rebuilt(rig) == []


def other_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pictures be encoded to other bytes than before, as by another version."""
    encode = prepare._encode
    monkeypatch.setattr(
        prepare, "_encode", lambda picture, recipe: encode(picture, replace(recipe, quality=84))
    )


def test_pictures_of_another_encoder_are_not_paid_for_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png", "b.png")
    listed = rig.data.parent / "items.csv"
    listed.write_text("path,shop\nimgs/a.png,one\nimgs/b.png,two\n")
    again: tuple[Again, ...] = (
        rig.run,
        lambda: rig.run(manifest=listed, prompt__user="What does {shop} sell?"),
    )
    for command in again:
        command()
    other_encoder(monkeypatch)
    assert lost_and_rebuilt(rig, *again) == []


def test_of_a_damaged_table_nothing_is_recalled_and_it_is_said_before_anything_is_sent(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    rig.run()
    data = bytearray(rig.workspace.table.read_bytes())
    data[60:90] = bytes(30)
    rig.workspace.table.write_bytes(data)
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    rebuild(rig.config(), rig.said.append)
    other_encoder(monkeypatch)
    with pytest.raises(NeedsPerson, match="1 request"):
        rig.run(yes=False, budget__confirm_above="0")
    assert any("paid for again" in text for text in rig.said)


def test_what_stands_for_its_likeness_goes_on_to_do_so(rig: Rig) -> None:
    scene(rig, "paid.jpg", 1, (320, 240))
    rig.run(images__near_duplicates=NEAR)
    scene(rig, "larger.jpg", 1, (1280, 960))
    rig.run(images__near_duplicates=NEAR)
    assert rig.outcomes() == {"captioned": 1, "duplicate": 1}
    assert lost_and_rebuilt(rig, lambda: rig.run(images__near_duplicates=NEAR)) == []
