"""Captions and pictures as a data set of Lance, with the library `lance` (extra `lance`).

A part is one fragment, written before it belongs to the data set; all of them become its next
version at once. Readers see the version before or this one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.table import Kind
from pipeline.errors import UsageError
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace

KEY, IMAGE, SPLIT = "key", "image", "split"
RESERVED = frozenset({KEY, IMAGE, SPLIT})
"""Columns that each data set has: the row's name for good, its picture, its split."""

_BATCH = 256  # rows in memory at once
_DATA = "data"


class LanceDataset:
    """Fragments of a data set; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self, root: Path, fields: Mapping[str, Kind], *, has_pictures: bool) -> None:
        """`fields` are the exported fields with their kinds.

        Raises:
            UsageError: the library is not installed.
        """
        import pyarrow as pa

        from pipeline.sinks.arrow import TYPES

        self._lance = _library()
        image = [(IMAGE, pa.large_binary())] if has_pictures else []
        types = [(name, TYPES[kind]) for name, kind in fields.items()]
        self._schema = pa.schema([(KEY, pa.string()), *image, *types, (SPLIT, pa.string())])
        self._root = root
        self.options = f"lance 1 {self._schema.to_string()}"

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        import pyarrow as pa

        count = 0

        def batches() -> Iterator[Any]:
            nonlocal count
            iterator = iter(rows)
            while page := list(islice(iterator, _BATCH)):
                count += len(page)
                yield pa.RecordBatch.from_pylist([_record(row) for row in page], self._schema)

        reader = pa.RecordBatchReader.from_batches(self._schema, batches())
        fragments = self._lance.fragment.write_fragments(reader, str(part.root), self._schema)
        described = [fragment.to_json() for fragment in fragments]
        files = (f"{_DATA}/{file['path']}" for one in described for file in one["files"])
        return PartFacts(split, count, tuple(files), tuple(map(json.dumps, described)))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Make all fragments the next version of the data set; it lists them itself."""
        lance = self._lance
        fragments = [
            lance.FragmentMetadata.from_json(line) for part in parts for line in part.lines
        ]
        operation = lance.LanceOperation.Overwrite(self._schema, fragments)
        dataset = lance.LanceDataset.commit(str(self._root), operation)
        # versions before it name fragments that are not there any more
        dataset.cleanup_old_versions(timedelta(0), delete_unverified=True)
        return iter(())


def _record(row: ExportedRow) -> dict[str, object]:
    image = {} if row.picture is None else {IMAGE: row.picture.data}
    return {KEY: row.key, **image, **row.values, SPLIT: row.split}


def _library() -> Any:
    # it warns of each data set that it makes; who sets a level of their own keeps it
    os.environ.setdefault("LANCE_LOG", "error")
    try:
        import lance
        import lance.fragment
    except ImportError as error:
        raise UsageError(
            f"--to lance needs the library of Lance ({error}): pip install 'captionmill[lance]'"
        ) from None
    return lance
