from __future__ import annotations

import pickle
from pathlib import Path

from pipeline.core.recipe import Recipe
from pipeline.imaging.late_preparer import LatePreparer
from pipeline.imaging.prepare import Preparer, prepare_file
from tests.imaging.drawing import LongSide
from tests.rig import picture

RECIPE = Recipe(LongSide(96))


def test_another_process_has_the_preparer_itself() -> None:
    late = LatePreparer(RECIPE, bool)
    assert pickle.loads(pickle.dumps(late)) == Preparer(RECIPE, bool)


def test_it_prepares_what_the_preparer_prepares(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "a.png", 1))
    assert LatePreparer(RECIPE)(path) == prepare_file(path, RECIPE)
