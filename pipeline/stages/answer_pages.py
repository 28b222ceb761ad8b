"""Pages of lines of raw files: runs of ordinary answers, read together, and the lines between them,
each judged by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.answer import BadLine
from pipeline.core.answer_lines import LinePage
from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.reading_rules import ReadingRules
from pipeline.core.wire_format import WireFormat
from pipeline.records import Answer
from pipeline.stages.raw_files import pages_of

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswers


class AnswerPage:
    """Page of lines of a raw file, of which some are read already."""

    def __init__(
        self,
        file: str,
        lines: LinePage,
        ordinary: OrdinaryAnswers | None,
        judge: Callable[[bytes], Answer | BadLine],
    ) -> None:
        self._file, self._lines, self._ordinary, self._judge = file, lines, ordinary, judge
        self._placed: list[tuple[int, bytes]] = []

    def parts(self) -> Iterator[OrdinaryAnswers | int]:
        """Runs of ordinary answers and numbers of other lines, in the order of the file."""
        line = 0
        for run in () if self._ordinary is None else self._ordinary.runs():
            yield from range(line, run.numbers[0])
            yield run
            line = run.numbers[-1] + 1
        yield from range(line, len(self._lines.lines))

    def judged(self, number: int) -> tuple[Answer | BadLine | None, str]:
        """Meaning of a line, None for a blank one, and where it stands, in words."""
        self._placed = self._placed or [*self._lines.placed()]
        offset, raw = self._placed[number]
        blank = not raw or raw.isspace()
        where = f"{self._file}: the line at byte {offset}"
        return None if blank else self._judge(raw), where


def answer_pages(
    paths: Iterable[Path], wire_format: WireFormat, schema: AnswerSchema, rules: ReadingRules
) -> Iterator[AnswerPage]:
    """Pages of raw files, one file after the other.

    Raises:
        DamagedFile: a file was damaged since it was stored.
    """
    ordinary = wire_format.ordinary()
    for path in paths:
        for lines in pages_of(path):
            yield AnswerPage(
                path.name,
                lines,
                ordinary(lines.lines, schema, rules),
                lambda raw: wire_format.judge(raw, schema, rules),
            )
