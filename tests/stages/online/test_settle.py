"""How groups of online requests end; whole runs are in test_online.py and the crash tests."""

from __future__ import annotations

import shutil

import orjson
import pytest
from msgspec.structs import replace

from pipeline.core.identity import custom_id
from pipeline.core.online import answer_line
from pipeline.errors import OverBudget
from pipeline.ledger import Ledger
from pipeline.ledger.online_groups import ONLINE
from pipeline.ledger.shards import Shard
from pipeline.stages.batch_record import batch_record_path
from pipeline.stages.inspection import is_left_open
from pipeline.stages.online.journal import journal_path
from pipeline.stages.online.settle import begin, close_left_open, open_journal, settle_group
from pipeline.stages.settle import write_off
from pipeline.stages.values import RunTotals
from tests.stages.scene import Scene


def sealed(scene: Scene, images: int = 3) -> Shard:
    """A group that is written and not begun."""
    scene.add(*(f"{n}.png" for n in range(images)))
    task = scene.task()
    scene.ledger.workspace_id()  # made when a workspace is opened first
    keep(scene, "before")
    (shard,) = scene.write(task, replace(scene.shard_options(), prefix=ONLINE))
    keep(scene, "sealed")
    return shard


def keep(scene: Scene, name: str) -> None:
    """A copy of the ledger as it is at this moment."""
    scene.ledger.database.backup(scene.workspace.root / name)


def names(scene: Scene, shard: Shard) -> list[str]:
    return [custom_id(key, attempt) for _, key, attempt, *_ in scene.ledger.shards.items(shard.row)]


def answer(name: str) -> bytes:
    message = {"role": "assistant", "content": f"about {name}"}
    body = {
        "model": "gpt-6-luna",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    return answer_line(name, 200, "req", orjson.dumps(body))


def flown(scene: Scene) -> Shard:
    """Of three requests one was answered, one got no answer, one was not sent; then a kill."""
    shard = sealed(scene)
    begin(scene.context, shard)
    keep(scene, "begun")
    journal = open_journal(scene.context, shard)
    first, second, _ = names(scene, shard)
    journal.about_to_send([first, second])
    journal.answered(answer(first))
    journal.close()
    return scene.ledger.shards.get(shard.row)


def outcomes(scene: Scene) -> list[tuple[object, ...]]:
    found = scene.ledger.database.execute("SELECT state, outcome FROM works ORDER BY id")
    return [tuple(row) for row in found]


OVER = [("done", "captioned"), ("done", "missing"), ("pending", None)]


def test_answers_are_booked_what_was_not_sent_goes_back_and_the_lost_count(scene: Scene) -> None:
    shard = flown(scene)
    close_left_open(scene.context)
    assert outcomes(scene) == OVER
    assert any("1 request of" in text for text in scene.said)
    totals = scene.ledger.reservations.totals()
    (lost,) = scene.ledger.database.execute(
        "SELECT a.billed, i.worst FROM answers a JOIN items i ON i.work = a.work "
        "WHERE a.outcome = 'missing'"
    )
    assert lost[0] == lost[1] > 0
    assert (totals.reserved, totals.unpriced) == (0, 0)
    assert not journal_path(scene.workspace.raw, shard.shard_key).exists()


@pytest.mark.parametrize("mark", [0, 1], ids=["answered", "lost"])
def test_no_request_whose_mark_is_damaged_is_bought_again(scene: Scene, mark: int) -> None:
    shard = flown(scene)
    journal = journal_path(scene.workspace.raw, shard.shard_key)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[mark] = lines[mark][:30] + bytes([lines[mark][30] ^ 1]) + lines[mark][31:]
    journal.write_bytes(b"".join(lines))
    close_left_open(scene.context)
    # the third may have been what the damaged line was about
    assert outcomes(scene) == [OVER[0], OVER[1], OVER[1]]
    assert any("1 line changed on disk" in text for text in scene.said)
    (aside,) = scene.workspace.raw.glob("damaged-*.journal")
    assert aside.read_bytes() == b"".join(lines)
    assert [kind for _, kind, _ in scene.ledger.incidents()] == ["damaged", "no_answer"]
    assert scene.ledger.reservations.totals().reserved == 0


def test_an_older_ledger_takes_every_request_of_a_damaged_journal_for_sent(scene: Scene) -> None:
    shard = flown(scene)
    journal = journal_path(scene.workspace.raw, shard.shard_key)
    data = journal.read_bytes()
    journal.write_bytes(data.replace(b"+", b";", 1))
    restore(scene, "before")
    close_left_open(scene.context)
    assert sorted(row for row in outcomes(scene) if row[1]) == [OVER[0], OVER[1], OVER[1]]


def test_a_budget_that_is_used_up_begins_nothing(scene: Scene) -> None:
    shard = sealed(scene)
    scene.rules(caps=replace(scene.context.caps, run=1))
    with pytest.raises(OverBudget):
        begin(scene.context, shard)
    assert scene.states() == ["SEALED"]
    assert scene.ledger.batches.ids() == set()


def test_what_was_never_begun_is_taken_apart_and_its_journal_goes(scene: Scene) -> None:
    shard = sealed(scene)
    journal = journal_path(scene.workspace.raw, shard.shard_key)
    journal.touch()  # killed before its record
    close_left_open(scene.context)
    assert scene.states() == ["DISSOLVED"]
    assert outcomes(scene) == [("pending", None)] * 3
    assert not journal.exists()


def restore(scene: Scene, copy: str) -> None:
    """Put the copy of the ledger back that was made at this moment."""
    scene.ledger.close()
    for path in scene.workspace.root.glob("ledger.db*"):
        path.unlink()
    shutil.copy(scene.workspace.root / copy, scene.workspace.ledger)
    scene.ledger = Ledger(scene.workspace.ledger)
    scene.rules(ledger=scene.ledger)


@pytest.mark.parametrize("copy", ["before", "sealed", "dissolved", "begun"])
@pytest.mark.parametrize("settled", [False, True])
def test_a_group_that_an_older_ledger_does_not_know_is_taken_in(
    scene: Scene, copy: str, settled: bool
) -> None:
    shard = flown(scene)
    if settled:
        settle_group(scene.context, 1, RunTotals())
    before = scene.ledger.reservations.totals().charged
    restore(scene, "sealed" if copy == "dissolved" else copy)
    if copy == "dissolved":
        scene.ledger.shards.dissolve(scene.ledger.shards.get(shard.row))
    close_left_open(scene.context)
    assert sorted(row for row in outcomes(scene) if row[1]) == OVER[:2]
    told = [kind for _, kind, _ in scene.ledger.incidents()]
    assert told == ["no_answer"] if copy == "begun" else ["adopted", "no_answer"]
    totals = scene.ledger.reservations.totals()
    # what a line may cost is not known to a ledger that never made it, unless the record of the
    # group says: then all that was reserved for the group stays counted
    if settled or copy in ("before", "dissolved"):
        assert totals.charged == (before if settled else shard.max_cost)
    assert (totals.unpriced, totals.reserved) == (0, 0)
    close_left_open(scene.context)
    assert len(scene.ledger.batches.ids()) == 1


def test_answers_that_were_not_kept_leave_every_request_counted(scene: Scene) -> None:
    shard = flown(scene)
    journal_path(scene.workspace.raw, shard.shard_key).unlink()  # a later ledger settled it
    assert batch_record_path(scene.workspace, shard.shard_key, shard.shard_key).exists()
    close_left_open(scene.context)
    assert outcomes(scene) == [("done", "missing")] * 3
    assert scene.ledger.reservations.totals().charged == shard.max_cost


def test_unknown_contents_stop_everything_until_a_person_decides(scene: Scene) -> None:
    shard = flown(scene)
    journal_path(scene.workspace.raw, shard.shard_key).unlink()
    scene.workspace.shard(shard.shard_key).unlink()
    restore(scene, "before")
    close_left_open(scene.context)
    ((key, gone),) = [(b.shard_key, b.gone) for b in scene.ledger.adoption.opaque_shards()]
    assert (key, gone) == (shard.shard_key, True)
    assert scene.ledger.reservations.totals().reserved == shard.max_cost
    close_left_open(scene.context)  # and it is no less so at the next start
    assert scene.ledger.adoption.opaque_shards() != []


def test_a_group_is_booked_under_its_own_generation(scene: Scene) -> None:
    shard = sealed(scene, images=1)
    shard = scene.ledger.shards.move(shard, "SEALED", generation=3)
    batch = begin(scene.context, shard)
    assert (batch.generation, batch.decides_shard(3), batch.total) == (3, True, 1)
    booked = scene.ledger.database.execute("SELECT shard, generation, state FROM reservations")
    assert booked.fetchall() == [(shard.row, 3, "open")]
    assert scene.ledger.shards.get(shard.row).state == "SUBMITTED"


def test_a_group_whose_answers_are_here_already_is_settled_too(scene: Scene) -> None:
    flown(scene)
    (batch,) = scene.ledger.batches.in_states("open")
    scene.ledger.batches.move(batch.row, "downloaded")
    close_left_open(scene.context)
    assert outcomes(scene) == OVER
    assert scene.ledger.batches.in_states("open", "downloaded") == []


def test_each_group_says_its_own_losses(scene: Scene) -> None:
    shard = flown(scene)
    (batch,) = scene.ledger.batches.in_states("open")
    collected = RunTotals()
    collected.answers["missing"] = 5  # of groups before
    settle_group(scene.context, batch.row, collected)
    ((_, kind, text),) = scene.ledger.incidents()
    assert (kind, text.startswith(f"1 request of {shard.shard_key} got")) == ("no_answer", True)


def test_a_request_file_says_what_was_sent_where_nothing_else_does(scene: Scene) -> None:
    shard = flown(scene)
    journal_path(scene.workspace.raw, shard.shard_key).unlink()
    restore(scene, "before")
    close_left_open(scene.context)
    assert scene.ledger.adoption.opaque_shards() == []
    assert [row for row in outcomes(scene) if row[1]] == [("done", "missing")] * 3
    assert scene.ledger.reservations.totals().charged == shard.max_cost


def damage_mark(scene: Scene, shard: Shard, mark: int = 1) -> None:
    """Change a bit in the journal's line about a request."""
    journal = journal_path(scene.workspace.raw, shard.shard_key)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[mark] = lines[mark][:30] + bytes([lines[mark][30] ^ 1]) + lines[mark][31:]
    journal.write_bytes(b"".join(lines))


def test_without_journal_ledger_and_request_file_a_person_decides(scene: Scene) -> None:
    """What the damaged line named, nobody knows: an image sent now may be paid for again. The
    answer that came is kept until then, and booked."""
    shard = flown(scene)
    damage_mark(scene, shard)
    scene.workspace.shard(shard.shard_key).unlink()
    restore(scene, "before")
    for _ in range(2):  # and no less so at the next start
        close_left_open(scene.context)
        (opaque,) = scene.ledger.adoption.opaque_shards()
        assert (opaque.shard_key, opaque.gone) == (shard.shard_key, True)
        assert scene.ledger.reservations.totals().reserved == shard.max_cost
    (batch,) = scene.ledger.batches.in_states("open")
    assert is_left_open(scene.context, batch)
    assert write_off(scene.context, batch).answers == {"captioned": 1}
    totals = scene.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (shard.max_cost, 0)
    assert scene.ledger.adoption.opaque_shards() == []


def test_damaged_answers_leave_the_request_file_to_say_what_was_sent(scene: Scene) -> None:
    shard = flown(scene)
    settle_group(scene.context, 1, RunTotals())
    (raw,) = scene.workspace.raw.glob("*.output.jsonl.gz")
    raw.write_bytes(raw.read_bytes()[:40])
    restore(scene, "before")
    close_left_open(scene.context)
    assert scene.ledger.adoption.opaque_shards() == []
    assert [row for row in outcomes(scene) if row[1]] == [("done", "missing")] * 3
    assert scene.ledger.reservations.totals().charged == shard.max_cost


def test_damaged_answers_without_a_request_file_are_left_to_a_person(scene: Scene) -> None:
    shard = flown(scene)
    settle_group(scene.context, 1, RunTotals())
    (raw,) = scene.workspace.raw.glob("*.output.jsonl.gz")
    raw.write_bytes(raw.read_bytes()[:40])
    scene.workspace.shard(shard.shard_key).unlink()
    restore(scene, "before")
    close_left_open(scene.context)
    assert [one.gone for one in scene.ledger.adoption.opaque_shards()] == [True]


@pytest.mark.parametrize("answered", [False, True])
def test_a_journal_of_version_0_1_is_proof_where_each_mark_has_its_answer(
    scene: Scene, answered: bool
) -> None:
    """Its lines have no checksums: a mark may have named another request before it changed."""
    shard = flown(scene)
    first, second, _ = names(scene, shard)
    lines = [b"+" + first.encode(), answer(first).strip()]
    lines += [] if answered else [b"+" + second.encode()]
    journal = journal_path(scene.workspace.raw, shard.shard_key)
    journal.write_bytes(b"".join(line + b"\n" for line in lines))
    scene.workspace.shard(shard.shard_key).unlink()
    restore(scene, "before")
    close_left_open(scene.context)
    assert bool(scene.ledger.adoption.opaque_shards()) != answered
