"""Data sets of Hugging Face as a folder: pictures, a `metadata.jsonl` in each split, a card.

Rules as the `datasets` library reads them: `file_name` is relative to its metadata file, every
line needs a picture and every picture a line (docs of `datasets`: image_dataset).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipeline.sinks.card import CARD, Card
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sinks.json_values import json_line

METADATA = "metadata.jsonl"


class HuggingFaceFolder:
    """Image folder; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self, card: Card) -> None:
        self.options = "hf 1"
        self._card = card

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        files, lines = [], []
        for row in rows:
            name = part.write_picture(row)
            files.append(f"{split}/{name}")
            lines.append(json_line({"file_name": name, **row.values}))
        return PartFacts(split, len(lines), tuple(files), tuple(lines))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        for split in sorted({part.split for part in parts}):
            lines = (line for part in parts if part.split == split for line in part.lines)
            yield f"{split}/{METADATA}", (f"{line}\n".encode() for line in lines)
        yield CARD, (self._card.text(parts).encode(),)
