from __future__ import annotations

from pipeline.config import load_config
from pipeline.engines import SpoolEngine
from pipeline.session.settings import RunSettings

NOW = 1_795_000_000


def settings_of(**overrides: object) -> RunSettings:
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return RunSettings.of(load_config(None, keys))


def test_engines_take_their_limits_from_the_configuration() -> None:
    made = settings_of(images__workers=1, images__seconds_per_image="5s")
    assert (made.engine.kind, made.engine.workers, made.engine.seconds) == ("local", 1, 5)
    recipe = made.specs.build(local=False, account="", now=NOW).recipe
    with made.engine.engines(recipe, lambda _source_id: False) as engines:
        assert isinstance(engines.sparing, SpoolEngine)
        assert engines.sparing is not engines.thorough
        assert list(engines.sparing.prepare([])) == []
