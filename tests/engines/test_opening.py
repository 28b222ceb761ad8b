from __future__ import annotations

from typing import get_args

from pipeline.config.engine import EngineConfig
from pipeline.engines.opening import ENGINES


def test_every_word_of_the_configuration_has_its_engine() -> None:
    assert set(ENGINES) == set(get_args(EngineConfig.model_fields["kind"].annotation))
