from __future__ import annotations

from pipeline.engines import ENGINES, EngineOptions, Limits, SpoolEngine, SpoolLimits
from pipeline.records import Prepared, RejectedImage, Rejection
from pipeline.storage import StorageSettings


def test_what_is_known_reaches_the_function_that_prepares() -> None:
    known: list[object] = []

    def refuse(_location: str) -> Prepared:
        return RejectedImage(b"", Rejection("not_an_image", ""))

    def is_known(_source_id: bytes) -> bool:
        return False

    options = EngineOptions(
        preparer=lambda asked: known.append(asked) or refuse,
        known=is_known,
        limits=Limits(),
        storage=StorageSettings(),
        spool=SpoolLimits(1000),
        workers=1,
    )
    with ENGINES["local"](options) as engine:
        assert isinstance(engine, SpoolEngine)
        assert known == [is_known]
