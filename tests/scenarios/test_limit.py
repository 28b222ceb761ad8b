"""`--limit`: the first images that are due are sent, the others later, and that is no failure."""

from __future__ import annotations

import pytest

from pipeline.commands.estimate import estimate
from pipeline.commands.sources import forget_source
from pipeline.commands.write import write
from pipeline.errors import NeedsPerson
from pipeline.server.faults import LineFault
from tests.rig import Rig

NAMES = tuple(f"{n}.png" for n in range(5))


def captioned(rig: Rig) -> list[str]:
    return [row["path"] for row in rig.table() if row["outcome"] == "captioned"]


def test_a_limited_run_sends_so_many_and_the_next_one_goes_on(rig: Rig) -> None:
    rig.add(*NAMES)
    report = rig.run(input__limit=2)
    assert (report.requests, report.exit_code) == (2, 0)
    assert report.outcomes == {"captioned": 2, "pending": 3}
    assert captioned(rig) == ["0.png", "1.png"]
    assert any(line.endswith("left for later runs by --limit: run again to go on")
               for line in report.lines())  # fmt: skip
    assert rig.run(input__limit=2).requests == 2
    assert captioned(rig) == ["0.png", "1.png", "2.png", "3.png"]
    assert rig.run(input__limit=2).outcomes == {"captioned": 5}
    rig.check()


def test_the_price_is_that_of_what_is_sent(rig: Rig) -> None:
    rig.add(*NAMES)
    whole, some = (estimate(rig.config(**one), rig.data).quote for one in ({}, {"input__limit": 2}))
    assert (some.requests, some.later) == (2, 3)
    assert whole.expected is not None
    assert some.expected is not None
    assert abs(some.expected * 5 - whole.expected * 2) <= 5
    assert (some.max_cost or 0) < (whole.max_cost or 0)
    with pytest.raises(NeedsPerson, match=r"2 requests of 5 \(--limit leaves the others pending\)"):
        rig.run(input__limit=2, yes=False, budget__confirm_above="0")


def test_a_changed_prompt_is_bought_in_parts_too(rig: Rig) -> None:
    rig.add(*NAMES)
    rig.run()
    report = rig.run(input__limit=2, prompt__user="Something else.")
    assert (report.requests, report.outcomes["pending"]) == (2, 3)
    assert rig.run(prompt__user="Something else.").requests == 3


def test_files_with_known_bytes_are_sent_at_once(rig: Rig) -> None:
    rig.add(*NAMES)
    rig.run()
    forget_source(rig.config(), rig.data.name, rig.said.append)
    report = rig.run(input__limit=2, prompt__user="Something else.")
    assert (report.requests, report.outcomes) == (2, {"captioned": 2, "pending": 3})


def test_what_goes_again_is_not_counted_twice(rig: Rig) -> None:
    rig.add(*NAMES)
    rig.server.faults.add(LineFault(outcome="status", status=500, code="server_error", times=2))
    report = rig.run(input__limit=2)
    assert (report.requests, report.outcomes) == (4, {"captioned": 2, "pending": 3})


def test_files_to_run_elsewhere_are_limited_alike(rig: Rig) -> None:
    rig.add(*NAMES)
    written = write(rig.config(input__limit=2), rig.data, rig.data.parent / "out")
    assert (written.requests, written.outcomes["pending"]) == (2, 5)


def test_online_requests_are_limited_alike(rig: Rig) -> None:
    rig.add(*NAMES)
    report = rig.run(input__limit=2, provider__name="openai_online")
    assert (report.requests, report.outcomes["pending"], report.exit_code) == (2, 3, 0)
