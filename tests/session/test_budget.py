from __future__ import annotations

from pipeline.session.budget import coverage_of, headroom_of, least_requests, say_caps, shortage_of
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.quote import Quote
from tests.rig import Rig

USD = 10**9


def test_what_a_session_says_about_its_budget(rig: Rig) -> None:
    settings = RunSettings.of(rig.config(budget__run="1.00"))
    with open_session(settings, "run", rig.said.append) as session:
        say_caps(session)
        assert rig.said[-1] == "budget: $1.00 for this run, from the overrides: $1.00 left"
        assert headroom_of(session).left == USD
        assert "$2.00; run again" in shortage_of(session, 2 * USD)
        job = Quote(requests=10, expected=2 * USD, max_cost=3 * USD)
        assert "pays for about 5 of 10 requests" in coverage_of(session, job)
        assert coverage_of(session, None) == ""
        assert least_requests(session, 100) == 1  # nothing is spent under it


def test_without_caps_nothing_is_said(rig: Rig) -> None:
    with open_session(RunSettings.of(rig.config()), "run", rig.said.append) as session:
        before = list(rig.said)
        say_caps(session)
        assert (rig.said, headroom_of(session).left) == (before, None)
