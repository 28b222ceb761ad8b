from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.core.recipe import Recipe
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from pipeline.core.url_image import addressed_image
from pipeline.engines.base import Job
from pipeline.engines.inline import InlineEngine
from pipeline.engines.local import LocalEngine
from pipeline.engines.url_image import UrlImageEngine
from pipeline.imaging.prepare import Preparer
from pipeline.records import KnownImage, Prepared, RejectedImage
from tests.rig import picture


def known(location: str) -> Prepared:
    return KnownImage(location.encode().ljust(32, b"."))


def url(number: int) -> str:
    return f"https://example.org/{number}.png"


@pytest.mark.parametrize("files", [0, 1, 3, 600, 1300])
def test_one_answer_a_job_in_order(files: int) -> None:
    jobs = [(n, f"/data/{n}" if n % 1300 < files else url(n)) for n in range(1400)]
    with UrlImageEngine(InlineEngine(known)) as engine:
        answers = list(engine.prepare(jobs))
    assert [number for number, _ in answers] == list(range(1400))
    for (_, location), (_, found) in zip(jobs, answers, strict=True):
        assert found == (addressed_image(location) if "://" in location else known(location))


def test_jobs_are_taken_lazily() -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for number in range(1_000_000):
            taken += 1
            yield number, url(number)

    engine = UrlImageEngine(InlineEngine(known))
    answers = engine.prepare(jobs())
    for _ in range(5):
        next(answers)
    assert taken < 1000


def test_worker_processes_go_on_from_chunk_to_chunk(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "a.png", 1))
    jobs = [(n, url(n)) for n in range(700)] + [(700, path), (701, url(701)), (702, path)]
    recipe = Recipe(bind_size(SizePolicy("long_side", 64), None, "high"))
    with UrlImageEngine(LocalEngine(Preparer(recipe, None), workers=1)) as engine:
        for _ in range(2):
            answers = dict(engine.prepare(jobs))
            assert not [a for a in answers.values() if isinstance(a, RejectedImage)]
            assert answers[700] == answers[702] != answers[701]


def test_the_other_engine_is_run_to_its_end() -> None:
    """An iteration that is given up would end its processes, and the next one start them anew."""
    ended = 0

    class Counting(InlineEngine):
        def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
            nonlocal ended
            yield from super().prepare(jobs)
            ended += 1

    jobs = [(n, url(n) if n % 2 else f"/data/{n}") for n in range(1400)]
    with UrlImageEngine(Counting(known)) as engine:
        assert len(list(engine.prepare(jobs))) == 1400
    assert ended == 3
