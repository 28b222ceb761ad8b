"""What commands that prepare images share before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.session.inputs import open_data
from pipeline.session.report import Report
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.session.source_run import SourceRun
from pipeline.session.spec_factory import SpecChange
from pipeline.sources import named_places
from pipeline.stages.values import NoProgress
from tests.rig import Rig


@contextmanager
def opened(rig: Rig, change: SpecChange | None = None, **options: Any) -> Iterator[SourceRun]:
    places = named_places(rig.data, None)
    settings = RunSettings.of(rig.config(**options)).over(places)
    inputs, settings = open_data(settings, places)
    with open_session(settings, "run", rig.said.append) as session:
        yield SourceRun(
            session, inputs, Report(), lambda _: True, NoProgress(), change or SpecChange()
        )


def test_a_crawl_counts_and_says_how_many_workers_may_start(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    expected: list[int] = []
    with opened(rig) as run:
        crawled = run.crawl(expected.append)
        assert (crawled.images, crawled.todo) == (2, 2)
        assert sum(expected) == 2
        assert list(run.sources) == list(crawled.sources)
        images = run.session.ledger.images.todo(crawled.sources)
        assert {run.locate(image) for image in images} == {
            str(rig.data / name) for name in ("a.png", "b.png")
        }


def test_a_change_of_the_spec_reaches_the_templates_of_shards(rig: Rig) -> None:
    rig.add("a.png")
    with opened(rig, SpecChange(user="Name the colours.")) as run:
        assert run.caption_spec.template == "Name the colours."
        plain = run.shard_options(None).request_template
        assert plain.request.model == run.caption_spec.request.model
        other = run.shard_options(None, SpecChange(model="gpt-4o-mini")).request_template
        assert other.request.model == "gpt-4o-mini"


@pytest.mark.parametrize("first", [0, 3])
def test_the_first_requests_of_a_form_go_alone_until_it_is_answered(rig: Rig, first: int) -> None:
    rig.add("a.png")
    with opened(rig, batch__first_requests=first) as run:
        assert run.first_requests() == (first or None)
    rig.run()
    with opened(rig, batch__first_requests=first) as run:
        assert run.first_requests() is None


def test_only_what_was_due_fails_a_run(rig: Rig) -> None:
    """A newer version has other limits: it tries again what was refused, and loses nothing."""
    rig.add("a.png")
    (rig.data / "broken.png").write_text("no image")
    assert rig.run().exit_code == 0
    report = rig.run(images__max_pixels=10_000_000)
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 1, "rejected": 1})
    (rig.data / "new.png").write_text("no image either")
    report = rig.run(images__max_pixels=20_000_000)
    assert report.exit_code == 10
    assert "the image that was due has no caption: 1 rejected" in str(report.error)
