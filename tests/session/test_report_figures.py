"""Figures of a run, before anything is known of it."""

from __future__ import annotations

from pipeline.core.provider_kinds import LOCAL
from pipeline.session.report_figures import ReportFigures


def test_nothing_is_shared_between_runs() -> None:
    one, other = ReportFigures(), ReportFigures()
    one.outcomes["captioned"] += 1
    one.captions.append(("a.jpg", "a cat"))
    assert (other.outcomes.total(), other.captions) == (0, [])


def test_who_answered_decides_what_is_said_about_money() -> None:
    assert ReportFigures(provider=LOCAL.service).local
    assert not ReportFigures().local
