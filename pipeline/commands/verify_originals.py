"""Comparison of images' files with what they were when they were captioned. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from msgspec import Struct, field

from pipeline.core.words import counted
from pipeline.records import NotHere, OpenOriginal
from pipeline.sources import to_path
from pipeline.system.files import sha256_of

_SHOWN = 50  # files of one kind that are spelled out
_FINDINGS = {
    "changed": "{} is not what was captioned: 'captionmill run --reread' reads it again",
    "gone": "{} is gone: the next run over its source notes it",
    "unreadable": "{} cannot be read",
}


class Comparison(Struct):
    """Files that were read, and how many of each kind differ; the first ones by their paths."""

    read: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FINDINGS, 0))
    paths: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in _FINDINGS})

    def note(self, kind: str, path: str) -> None:
        """Note a file that differs."""
        self.counts[kind] += 1
        if len(self.paths[kind]) < _SHOWN:
            self.paths[kind].append(path)

    def findings(self) -> Iterator[str]:
        """Sentences about what differs; of many files of one kind, their number."""
        for kind, words in _FINDINGS.items():
            yield from (words.format(path) for path in self.paths[kind])
            if more := self.counts[kind] - len(self.paths[kind]):
                yield f"{counted(more, 'more file')} like these"


def compare_originals(
    originals: Iterable[tuple[str, bytes]], downloads: Path, opener: OpenOriginal = nullcontext
) -> Comparison:
    """Read each file and compare it with the SHA-256 that it had. Memory: constant.

    What was deleted from the folder `downloads` to make room is no finding.
    """
    compared = Comparison()
    for text, source_id in originals:
        try:
            with opener(to_path(text)) as local:
                _compare(compared, text, Path(local), source_id, downloads)
        except NotHere as error:
            compared.note("gone" if error.rejection.code == "vanished" else "unreadable", text)
        except OSError:
            compared.note("unreadable", text)
    return compared


def _compare(
    compared: Comparison, text: str, path: Path, source_id: bytes, downloads: Path
) -> None:
    if not path.is_file():
        if downloads not in path.parents:
            compared.note("gone", text)
        return
    same = sha256_of(path) == source_id
    compared.read += 1
    if not same:
        compared.note("changed", text)
