"""Fixtures of the stages' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.server.app import LoopbackServer
from tests.rig import KEY
from tests.stages.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A data set on a desk; the service answers at once."""
    with LoopbackServer(tmp_path / "server", captioner="echo", api_key=KEY, seed="7") as server:
        opened = Scene(tmp_path, server)
        yield opened
        opened.close()
