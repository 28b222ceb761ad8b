"""The engine without processes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engines import InlineEngine
from pipeline.records import KnownImage
from tests.engines.troubles import identity, trouble


def test_one_after_the_other_and_lazily() -> None:
    taken = []

    def jobs() -> Iterator[tuple[int, str]]:
        for number in range(5):
            taken.append(number)
            yield number, f"ok:{number}"

    with InlineEngine(trouble) as engine:
        for number, answer in engine.prepare(jobs()):
            assert taken == list(range(number + 1))
            assert answer == KnownImage(identity(f"ok:{number}"))
    engine.close(kill=True)
