from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.ledger import Ledger
from pipeline.ledger.specs import SpecText
from tests.ledger.world import ADMISSION, NOW, SPEC, World


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        opened.begin_run("run", NOW)
        yield opened


@pytest.fixture
def world(ledger: Ledger) -> World:
    made = World(ledger)
    made.source = ledger.images.source("folder", "/imgs", "imgs")
    made.folder, _ = ledger.images.folder(made.source, "")
    made.spec = ledger.specs.spec(SPEC, SpecText("openai", "", "gpt-6-luna", "/v1/x"), NOW)
    made.recipe = ledger.specs.recipe({"long_side": 512}, {"max_pixels": 1})
    ledger.images.use_spec(made.source, made.spec, ADMISSION)
    return made


@pytest.fixture
def reopen(tmp_path: Path) -> Callable[[], Ledger]:
    return lambda: Ledger(tmp_path / "ledger.db")
