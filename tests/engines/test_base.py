"""The contract: engines of all kinds give the same answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.recipe import Recipe
from pipeline.engines import Engine, InlineEngine, LocalEngine
from pipeline.imaging.prepare import Preparer
from tests.imaging.drawing import LongSide
from tests.imaging.samples import all_samples

PREPARER = Preparer(Recipe(LongSide(48), perceptual_hash=True))


@pytest.mark.parametrize("make", [InlineEngine, LocalEngine])
def test_all_engines_answer_alike(make: type, tmp_path: Path) -> None:
    jobs = []
    for number, sample in enumerate(all_samples()):
        path = tmp_path / str(number)
        path.write_bytes(sample.data)
        jobs.append((number, str(path)))
    jobs.append((-1, str(tmp_path / "none")))
    engine: Engine = make(PREPARER)
    with engine:
        assert list(engine.prepare(jobs)) == [(n, PREPARER(path)) for n, path in jobs]
