from __future__ import annotations

from pipeline.commands.verify import verify
from pipeline.session.online import knows_batches
from tests.rig import Rig


def test_a_workspace_of_groups_alone_knows_no_batches(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(provider__name="openai_online")
    with rig.ledger() as ledger:
        assert not knows_batches(ledger)
    rig.add("b.png", first=3)
    rig.run()
    with rig.ledger() as ledger:
        assert knows_batches(ledger)


def test_batches_under_way_are_collected_and_not_asked_for_again(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    rig.add("c.png", first=9)
    report = rig.run(provider__name="openai_online")
    assert report.requests == 1
    assert (report.exit_code, report.open) == (3, 1)
    rig.pass_time(4000)
    report = rig.run(provider__name="openai_online")
    assert report.outcomes == {"captioned": 3}
    rig.check()


def test_shards_that_wait_for_a_batch_go_online_instead(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png", "c.png")
    rig.run(wait=False, budget__lifetime="0.000001")
    report = rig.run(provider__name="openai_online")
    assert report.outcomes == {"captioned": 3}
    rig.check()


def test_a_trigger_word_is_in_the_table_and_costs_nothing(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run(provider__name="openai_online")
    plain = [row["caption"] for row in rig.table()]
    report = rig.run(provider__name="openai_online", prompt__prefix="ohwx, ")
    assert report.requests == 0
    assert [row["caption"] for row in rig.table()] == [f"ohwx, {text}" for text in plain]
    with rig.ledger() as ledger:
        kept = ledger.database.execute("SELECT caption FROM answers ORDER BY caption").fetchall()
    assert sorted(plain) == [caption for (caption,) in kept]
    rig.check()


def test_several_captions_of_an_image_in_one_request(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(provider__name="openai_online", prompt__schema_file="configs/schemas/captions.json")
    (row,) = rig.table()
    assert row["outcome"] == "captioned"
    assert all(isinstance(row[name], str) for name in ("caption", "short", "long"))
    assert isinstance(row["tags"], list)
    assert len(rig.server.bill.rows()) == 1


def test_captions_beside_the_images(rig: Rig) -> None:
    rig.add("a.png", "sub/b.png")
    (rig.data / "a.txt").write_text("mine")
    rig.run(provider__name="openai_online", output__sidecars="keep")
    captions = {row["path"]: row["caption"] for row in rig.table()}
    assert (rig.data / "a.txt").read_text() == "mine"
    assert (rig.data / "sub/b.txt").read_text() == captions["sub/b.png"] + "\n"
    report = rig.run(
        provider__name="openai_online", output__sidecars="replace", prompt__prefix="ohwx "
    )
    assert report.requests == 0
    assert (rig.data / "a.txt").read_text() == f"ohwx {captions['a.png']}\n"
    assert report.problems == []


def test_raw_answers_of_groups_are_looked_after(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(provider__name="openai_online")
    config = rig.config(provider__name="openai_online")
    assert verify(config).findings == ()
    (raw,) = rig.workspace.raw.glob("online-*.gz")
    raw.unlink()
    (finding,) = verify(config).findings
    assert finding == f"{raw} is missing: its captions are in the ledger, but cannot be rebuilt"
