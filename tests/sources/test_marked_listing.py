from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.records import SourceFile
from pipeline.sources.marked_listing import MarkedListing


class Inner:
    folder = "trip"
    digest = b"d" * 32

    def __init__(self) -> None:
        self.skipped = Counter({"txt": 2})

    def entries(self) -> Iterator[SourceFile]:
        return iter(())


def test_a_mark_makes_another_digest_and_leaves_the_rest() -> None:
    plain, marked = MarkedListing(Inner(), b""), MarkedListing(Inner(), b"camera")
    assert (marked.folder, marked.skipped) == ("trip", {"txt": 2})
    assert len({Inner.digest, plain.digest, marked.digest}) == 3
    assert MarkedListing(Inner(), b"camera").digest == marked.digest
