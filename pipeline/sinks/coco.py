"""COCO captions: pictures in folders, one JSON of images and annotations a split.

Ids are whole numbers (cocodataset.org: format-data); they are made of the row's key, so that a
picture keeps its id when others come or go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sinks.json_values import json_line

_ID_DIGITS = 13
"""Hexadecimal digits of an id: 52 bits, which every JSON reader keeps exactly."""


class CocoCaptions:
    """COCO captions; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self, license_: str) -> None:
        self.options = "coco 1"
        self._license = license_

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        files, lines = [], []
        for row in rows:
            name = part.write_picture(row)
            assert row.picture is not None
            files.append(f"{split}/{name}")
            identifier = int(row.key[:_ID_DIGITS], 16)
            size = {"width": row.picture.width, "height": row.picture.height}
            image = {"id": identifier, "file_name": name, **size, "license": 1}
            fields = {name: value for name, value in row.values.items() if name not in image}
            image_text = json_line({**image, **fields})
            annotation = {"id": identifier, "image_id": identifier, "caption": row.caption}
            lines.append(f"{image_text}\n{json_line(annotation)}")
        return PartFacts(split, len(lines), tuple(files), tuple(lines))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        for split in sorted({part.split for part in parts}):
            own = [part for part in parts if part.split == split]
            yield f"annotations/captions_{split}.json", self._captions(own)

    def _captions(self, parts: Sequence[PartFacts]) -> Iterator[bytes]:
        info = {"description": "captions made by captionmill", "version": "1.0"}
        licenses = [{"id": 1, "name": self._license, "url": ""}]
        head = {"info": info, "licenses": licenses}
        yield json.dumps(head)[:-1].encode() + b', "images": [\n'
        yield from _joined(line.split("\n")[0] for part in parts for line in part.lines)
        yield b'\n], "annotations": [\n'
        yield from _joined(line.split("\n")[1] for part in parts for line in part.lines)
        yield b"\n]}\n"


def _joined(texts: Iterable[str]) -> Iterator[bytes]:
    for number, text in enumerate(texts):
        yield (",\n" if number else "").encode() + text.encode()
