from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.ledger import Ledger
from pipeline.server.faults import LineFault
from pipeline.session.checks import deviations, repeated_captions
from tests.rig import Rig, picture


@pytest.mark.parametrize(
    ("estimated", "billed", "lines", "said"),
    [
        (1000, 1250, 20, None),
        (1000, 1251, 20, "125 % of the estimated ones (20 answers): reservations are raised"),
        (1000, 1251, 19, None),
        (1000, 750, 20, None),
        (1000, 749, 2000, "74 % of the estimated ones (2,000 answers): less is sent"),
        (0, 500, 20, None),
    ],
)
def test_more_than_a_quarter_off_is_said(
    tmp_path: Path, estimated: int, billed: int, lines: int, said: str | None
) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.database.execute(
            "INSERT INTO calibration (model, estimated, billed, lines) VALUES ('m', ?, ?, ?)",
            (estimated, billed, lines),
        )
        found = list(deviations(ledger))
    if said is None:
        assert found == []
    else:
        (text,) = found
        assert said in text


def test_a_bill_beyond_the_estimate_is_said_and_raises_the_margin(rig: Rig) -> None:
    wrong = {"gpt-6-luna": {"image": {"multiplier": "0.5"}}}  # 1.2 at the service
    for number in range(20):
        picture(rig.data / f"{number:02}.png", number, (512, 512))
    first = rig.run(models=wrong)
    (text,) = first.problems
    assert text.startswith("gpt-6-luna: billed prompt tokens are 1")
    picture(rig.data / "one more.png", 99, (512, 512))
    second = rig.run(models=wrong)
    assert first.quote is not None
    assert second.quote is not None
    assert (second.quote.max_cost or 0) * 20 > (first.quote.max_cost or 0)


def test_a_repeated_caption_is_flagged_once_something_is_settled(rig: Rig) -> None:
    rig.add(*(f"{n:02}.png" for n in range(25)))
    rig.server.faults.add(LineFault(outcome="text", text="A stock\u2028photo. " * 9, times=20))
    report = rig.run()
    (text,) = report.problems
    assert text.startswith("20 of 25 different images have the same caption, 'A stock")
    assert len(text) < 200
    assert "\u2028" not in text
    assert rig.run().problems == []  # nothing was settled
    rig.add("another.png", first=99)
    assert rig.run().problems == [text.replace("25", "26")]


def test_a_few_equal_captions_are_no_news(rig: Rig) -> None:
    rig.add(*(f"{n:02}.png" for n in range(25)))
    rig.server.faults.add(LineFault(outcome="text", text="A photo.", times=19))
    assert rig.run().problems == []


def test_in_a_large_set_two_percent_count(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger, ledger.database.transaction("test"):
        execute = ledger.database.execute
        execute(
            "INSERT INTO specs VALUES (1, x'00', '{}', 'openai', '', 'm', '/v1', 0), "
            "(2, x'01', '{}', 'openai', '', 'm', '/v1', 0)"
        )
        execute("INSERT INTO sources (kind, locator, label, spec) VALUES ('folder', 'a', 'a', 1)")
        execute(
            "INSERT INTO shards (id, shard_key, model, state, requests, bytes, prompt_tokens, "
            "created_at) VALUES (1, 'a', 'm', 'SETTLED', 1, 1, 1, 0)"
        )
        execute(
            "INSERT INTO batches (id, batch_id, shard, generation, role, status, created_at) "
            "VALUES (1, 'a', 1, 1, 'main', 'completed', 0)"
        )
        for number in range(2000):
            spec = 1 if number < 1500 else 2
            execute(
                "INSERT INTO works (id, work_key, spec, state, outcome) "
                "VALUES (?, ?, ?, 'done', 'captioned')",
                (number, number.to_bytes(32), spec),
            )
            same = number % 50 == 0 or (number % 50 == 1 and number < 1450)
            execute(
                "INSERT INTO answers (id, work, attempt, batch, outcome, caption, received_at) "
                "VALUES (?, ?, 1, 1, 'captioned', ?, 0)",
                (number, number, f"same {number % 50}" if same else str(number)),
            )
            execute("UPDATE works SET answer = id WHERE id = ?", (number,))
        assert list(repeated_captions(ledger)) == [
            "30 of 1,500 different images have the same caption, 'same 0': look at some of them"
        ]
