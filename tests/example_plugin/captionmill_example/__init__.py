"""A package that adds to captionmill: a source, a service, a kind of table and a format.

Its pyproject.toml would say:

    [project.entry-points."captionmill.sources"]
    names = "captionmill_example:NamesSource"

    [project.entry-points."captionmill.providers"]
    sandbox = "captionmill_example:SANDBOX"

    [project.entry-points."captionmill.sinks"]
    txt = "captionmill_example:TextSink"

    [project.entry-points."captionmill.formats"]
    markdown = "captionmill_example:MarkdownFormat"
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.errors import BooksError
from pipeline.providers import SERVICES
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.records import RemoteBatch, SourceFile
from pipeline.sinks.base import WrittenTable
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sources.base import Problems, SourceListing, SourceOptions, entry_digest, to_text
from pipeline.system.files import sha256_of, whole_file, write_whole


class NamesListing:
    """All images that a file of names lists."""

    folder = ""

    def __init__(self, names: Path) -> None:
        self.skipped: Counter[str] = Counter()
        self._names = names
        self.digest = entry_digest(self.entries())

    def entries(self) -> Iterator[SourceFile]:
        """One image a line."""
        for name in self._names.read_text(encoding="utf-8").splitlines():
            path = (self._names.parent / name).resolve()
            stat = path.stat()
            yield SourceFile(
                "", name, to_text(str(path)), stat.st_size, stat.st_mtime_ns, stat.st_ino, {}
            )


class NamesSource:
    """`captionmill run names:LIST.lst`."""

    kind = "names"
    columns: tuple[str, ...] = ()

    def __init__(self, place: Path, _options: SourceOptions) -> None:
        self._place = place.resolve()
        self.locator, self.label = to_text(str(self._place)), self._place.stem
        self.problems, self.complete = Problems(), True

    def listings(self) -> Iterator[SourceListing]:
        """The one listing."""
        yield NamesListing(self._place)

    def path_of(self, _folder: str, name: str) -> str:
        """Openable path of an entry."""
        return str(self._place.parent / name)


class SandboxBatches(OpenAIBatches):
    """Batches of a service that speaks OpenAI's protocol and wants to know who asks."""

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """Create a batch with one more word."""
        return super().create(input_file_id=input_file_id, metadata={**metadata, "app": "example"})


SANDBOX = replace(SERVICES["openai"], batches=SandboxBatches)
"""`[provider] name = "sandbox"`, or "sandbox_online"."""


class TextSink:
    """Captions a line, for `captionmill export --out captions.txt`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, _metadata: Mapping[str, str]
    ) -> WrittenTable:
        """Replace the file."""
        at = [column.name for column in cells.columns].index("caption")
        rows = 0
        with whole_file(self.path) as handle:
            for page in pages:
                for caption in list(cells.of(page))[at]:
                    handle.write(f"{caption or ''}\n".encode())
                    rows += 1
        digest = sha256_of(self.path).hex()
        return WrittenTable(rows, digest, self.path.stat().st_size, self.path)

    def check(self, rows: int) -> None:
        """Count the lines."""
        if len(self.path.read_bytes().splitlines()) != rows:
            raise BooksError(f"{self.path} is not whole")


class MarkdownFormat:
    """`captionmill export --to markdown TARGET`: a page of pictures and captions a part."""

    options = "markdown 1"
    names_by_path = False

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """Write the pictures and their page."""
        files, lines = [], []
        for row in rows:
            name = part.write_picture(row)
            files.append(f"{split}/{name}")
            lines.append(f"![{row.caption}]({name})\n\n{row.caption}\n")
        digest = hashlib.sha256("".join(files).encode()).hexdigest()[:12]
        files.append(f"{split}/{digest}.md")
        write_whole(part.file(files[-1]), "\n".join(lines).encode())
        return PartFacts(split, len(lines), tuple(files))

    def listings(self, _parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """None."""
        return iter(())
