"""Runs end to end: the real SDK over HTTP, real files, the server's bill as judge."""

from __future__ import annotations

import shutil
from decimal import Decimal

import duckdb
import pytest
from PIL import Image

from pipeline.commands.estimate import estimate
from pipeline.commands.run import run
from pipeline.commands.status import status
from pipeline.errors import NeedsPerson, UsageError
from pipeline.server.faults import BatchFault
from tests.rig import KEY, Rig, picture


def test_one_row_an_image_duplicates_paid_once(rig: Rig) -> None:
    rig.add("a.png", "b.png", "sub/c.png")
    shutil.copy(rig.data / "a.png", rig.data / "z copy of a.png")
    (rig.data / "text.jpg").write_text("not an image")
    (rig.data / "empty.jpg").touch()
    (rig.data / "notes.txt").write_text("hello")
    report = rig.run()
    assert report.exit_code == 0
    assert rig.outcomes() == {"captioned": 3, "duplicate": 1, "rejected": 2}
    assert report.skipped == {".txt": 1}
    assert len(rig.server.bill.rows()) == 3
    rig.check()


def test_a_second_run_makes_no_request_and_a_new_image_makes_one(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    before = rig.posts(None)
    assert rig.run().requests == 0
    assert rig.posts(None) == before
    rig.add("c.png", first=9)
    assert rig.run().requests == 1
    assert len(rig.server.bill.rows()) == 3
    rig.check()


def test_renamed_copied_and_touched_files_cost_nothing(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    (rig.data / "a.png").rename(rig.data / "renamed.png")
    (rig.data / "b.png").touch()
    other = rig.data.with_name("copy")
    shutil.copytree(rig.data, other)
    assert rig.run().requests == 0
    assert rig.run(data=other).requests == 0
    by_path = {(row["source"], row["path"]): row for row in rig.table()}
    assert by_path["imgs", "renamed.png"]["outcome"] == "captioned"
    assert by_path["imgs", "a.png"]["in_source"] is False
    assert by_path["copy", "renamed.png"]["duplicate_of"] == "imgs:renamed.png"
    rig.check()


def test_the_bill_is_the_tables_sum_to_the_nano_dollar(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(7)))
    rig.run()
    (total,) = duckdb.sql(f"SELECT SUM(billed_cost) FROM '{rig.workspace.table}'").fetchall()[0]
    assert total == Decimal(rig.server.bill.total_nano()) / 10**9
    assert total > 0


def test_a_changed_prompt_shows_its_price_and_asks_above_an_amount(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    with pytest.raises(NeedsPerson, match=r"2 requests, about .*--yes"):
        rig.run(yes=False, prompt__user="What is it?", budget__confirm_above="0")
    assert {row["outcome"] for row in rig.table()} == {"captioned"}
    assert len(rig.server.bill.rows()) == 2
    rig.run(prompt__user="What is it?", budget__confirm_above="0")
    assert any("prompt or model has changed: 2 requests" in text for text in rig.said)
    assert len(rig.server.bill.rows()) == 4
    second = [row["spec_id"] for row in rig.table()]
    rig.run()  # back to the first prompt: paid already, and the table is about it again
    assert len(rig.server.bill.rows()) == 4
    assert [row["spec_id"] for row in rig.table()] != second
    assert rig.outcomes() == {"captioned": 2}
    rig.check()


def test_a_budget_leaves_the_rest_pending_and_goes_on_with_more_room(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*(f"{n}.png" for n in range(10)))
    max_cost = rig.run(budget__lifetime="0").quote
    assert max_cost is not None
    assert max_cost.max_cost is not None
    cap = Decimal(max_cost.max_cost * 4 // 10) / 10**9
    report = rig.run(budget__lifetime=str(cap), wait=False)
    assert report.exit_code == 4
    assert 3 <= report.requests <= 6
    assert report.outcomes["pending"] == 10
    (rest,) = [text for text in report.problems if "which pays for about" in text]
    assert f"of {10 - report.requests} requests; the rest stays pending" in rest
    assert report.reserved <= cap * 10**9
    rig.pass_time(4000)
    assert rig.run(budget__lifetime="1.00", wait=False).requests == 10 - report.requests
    rig.pass_time(4000)
    assert rig.run().outcomes == {"captioned": 10}
    rig.check()


def test_a_waiting_run_uses_the_room_that_settling_gives_back(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(6)))
    quote = rig.run(budget__lifetime="0").quote
    assert quote is not None
    assert quote.max_cost is not None
    cap = quote.max_cost * 2 // 3  # the worst case of all does not fit, their true cost does
    report = rig.run(budget__lifetime=str(Decimal(cap) / 10**9))
    assert report.outcomes == {"captioned": 6}
    assert report.exit_code == 0
    assert rig.server.bill.total_nano() <= cap
    rig.check()


def test_an_unknown_price_sends_nothing_under_a_budget(rig: Rig) -> None:
    rig.add("a.png")
    with pytest.raises(UsageError, match=r'\[prices\."gpt-9-none"\]'):
        rig.run(provider__model="gpt-9-none", budget__lifetime="5")
    assert rig.posts() == 0


def test_a_template_that_names_no_column_is_refused_before_anything_is_sent(rig: Rig) -> None:
    rig.add("a.png")
    with pytest.raises(UsageError, match="title"):
        rig.run(prompt__user="Describe {title}.")
    assert rig.posts("/v1/files") == 0


def test_small_shards_make_many_batches_and_one_table(rig: Rig) -> None:
    rig.add(*(f"{n:02}.png" for n in range(13)))
    report = rig.run(batch__max_requests=3)
    assert report.batches == 5
    assert rig.outcomes() == {"captioned": 13}
    captions = {row["path"]: row["caption"] for row in rig.table()}
    assert len(set(captions.values())) == 13
    rig.check()


def test_a_file_that_changes_is_captioned_anew(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    picture(rig.data / "a.png", 99, (50, 50))
    assert rig.run().requests == 1
    assert rig.outcomes() == {"captioned": 1}
    rig.check()


def test_a_structured_answer_fills_columns(rig: Rig) -> None:
    rig.add("a.png")
    schema = {
        "type": "object",
        "properties": {
            "caption": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["caption", "tags"],
        "additionalProperties": False,
    }
    rig.run(prompt__schema=schema)
    (row,) = rig.table()
    assert row["outcome"] == "captioned"
    assert isinstance(row["caption"], str)
    assert isinstance(row["tags"], list)
    rig.check()


def test_the_responses_endpoint(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    report = rig.run(provider__endpoint="/v1/responses")
    assert report.outcomes == {"captioned": 2}
    rig.check()


def test_a_workspace_is_never_used_by_two_providers(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with pytest.raises(UsageError, match="never mixed"):
        rig.run(provider__account="another")


@pytest.mark.parametrize("given", [b"bytes", [b"bytes"], Image.new("RGB", (4, 4))])
def test_a_run_says_what_takes_images_in_memory(rig: Rig, given: object) -> None:
    with pytest.raises(UsageError, match=r"give its path; captionmill\.caption takes the bytes"):
        run(rig.config(), given)  # type: ignore[arg-type]


def test_a_name_of_a_configuration_will_do(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.add("a.png")
    monkeypatch.setenv("XDG_DATA_HOME", str(rig.data.parent))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", rig.server.base_url)
    monkeypatch.chdir(rig.data.parent)
    assert run("default", rig.data).outcomes == {"captioned": 1}
    shown = status("default")
    assert shown.cost == Decimal(shown.settled) / 10**9 > 0
    assert shown.reserved_cost == 0
    quoted = estimate("default", rig.data)
    assert (quoted.cost, quoted.max_cost) == (0, 0)


def test_requests_are_asked_one_by_one_of_a_service_that_answers_at_once(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    report = rig.run(provider__name="openai_online", wait=False)
    assert report.outcomes == {"captioned": 2}
    assert (rig.posts(), rig.posts("/v1/chat/completions")) == (0, 2)
    rig.check()


@pytest.mark.parametrize(("most", "batches", "online"), [(1, 1, 1), (0, 2, 0)])
def test_only_as_few_as_configured_go_online_at_the_end(
    rig: Rig, most: int, batches: int, online: int
) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(BatchFault(expire_at_fraction=0.5, times=1))
    assert rig.run(online__flex_last=most).outcomes == {"captioned": 2}
    assert (rig.posts(), rig.posts("/v1/chat/completions")) == (batches, online)
    assert ("the last few go online, at the flex tier" in rig.said) == bool(online)
    rig.check()


def test_two_that_go_again_are_no_last_one(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    rig.server.faults.add(BatchFault(expire_at_fraction=0.34, times=1))
    assert rig.run(online__flex_last=1).outcomes == {"captioned": 3}
    assert (rig.posts(), rig.posts("/v1/chat/completions")) == (2, 0)
