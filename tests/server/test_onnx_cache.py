from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import StorageError
from pipeline.server.model import Classifier
from pipeline.server.onnx_cache import cache_folder, probe


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="CAPTIONMILL_CACHE"):
        Classifier(tmp_path / "file" / "below")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAPTIONMILL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CAPTIONMILL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "captionmill"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "captionmill"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "captionmill"


def test_the_probe_is_the_same_everywhere() -> None:
    values = probe(16)
    assert values.shape == (1, 3, 16, 16)
    assert values.dtype == np.float32
    assert float(values[0, 0, 0, 0]) == 0
    assert float(np.abs(values).max()) <= 1
