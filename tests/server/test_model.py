from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import StorageError
from pipeline.server import model
from pipeline.server.model import FILE_NAME, Classifier, classifier_input


def test_converts_once_and_reuses_the_cache(tmp_path: Path) -> None:
    image = Image.linear_gradient("L")
    first = Classifier(tmp_path / "cache").probabilities(image)
    written = (tmp_path / "cache" / FILE_NAME).stat().st_mtime_ns
    second = Classifier(tmp_path / "cache").probabilities(image)
    assert (tmp_path / "cache" / FILE_NAME).stat().st_mtime_ns == written
    assert np.array_equal(first, second)
    assert first.shape == (1000,)
    assert abs(first.sum() - 1) < 1e-4


@pytest.mark.parametrize("damage", ["cut", "emptied", "altered"])
def test_a_damaged_copy_is_replaced(tmp_path: Path, damage: str) -> None:
    Classifier(tmp_path)
    path = tmp_path / FILE_NAME
    good = path.read_bytes()
    middle = len(good) // 2
    bad = {
        "cut": good[:middle],
        "emptied": b"",
        "altered": good[:middle] + bytes(400_000) + good[middle + 400_000 :],
    }
    path.write_bytes(bad[damage])
    Classifier(tmp_path)
    assert path.read_bytes() == good


def test_a_conversion_that_answers_wrongly_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_PROBE", ((885, 0.9),))
    with pytest.raises(StorageError, match="remove it"):
        Classifier(tmp_path)


def test_the_input_is_the_central_square_normalised() -> None:
    image = Image.new("RGB", (512, 256), (255, 0, 0))
    image.paste((127, 127, 127), (144, 16, 368, 240))  # exactly the 224 pixels in the middle
    values = classifier_input(image)
    assert values.shape == (1, 3, 224, 224)
    assert values.dtype == np.float32
    assert np.abs(values[0, :, 8:-8, 8:-8]).max() == 0
    assert classifier_input(Image.new("RGB", (300, 300), (255, 255, 255))).max() == 1.0
    assert classifier_input(Image.new("L", (1, 1))).shape == (1, 3, 224, 224)
