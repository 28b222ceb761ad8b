from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pipeline.system.collector import collector_paused


@pytest.fixture
def _collecting() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.usefixtures("_collecting")
@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_as_it_was_also_after_an_error(is_on: bool) -> None:
    if not is_on:
        gc.disable()
    seen = []

    def fail() -> None:
        with collector_paused():
            seen.append(gc.isenabled())
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert (seen, gc.isenabled()) == ([False], is_on)
