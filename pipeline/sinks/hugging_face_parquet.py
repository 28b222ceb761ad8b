"""Data sets of Hugging Face as Parquet with the pictures inside.

A picture is struct<bytes: binary, path: string>; the schema's metadata names the features, so that
the file needs no card to be read; row groups are small, since a viewer reads whole ones (docs of
`datasets` and of the Hub's viewer).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from pipeline.core.table import Kind
from pipeline.sinks.card import CARD, Card
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.system.files import whole_file

IMAGE = "image"
"""Column of the pictures."""

_GROUP = 100
_PATTERN = "data/{split}-{{number:05}}-of-{{count:05}}.parquet"
DATA_FILES = "data/{split}-*.parquet"


class HuggingFaceParquet:
    """Parquet shards; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self, card: Card, fields: Mapping[str, Kind]) -> None:
        """`fields` are the exported fields with their kinds."""
        import pyarrow as pa

        from pipeline.sinks.arrow import FORMS

        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        features: dict[str, Mapping[str, object]] = {IMAGE: {"_type": "Image"}}
        features |= {name: FORMS[kind].feature for name, kind in fields.items()}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        types = [(name, FORMS[kind].arrow) for name, kind in fields.items()]
        self._schema = pa.schema([(IMAGE, image), *types], metadata)
        self._card = card
        self.options = f"hf parquet 1 {self._schema.to_string()}"

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        count, iterator = 0, iter(rows)
        with whole_file(part.shard.with_suffix(".parquet")) as handle:
            options = {"compression": "zstd", "write_page_index": True}
            options["use_content_defined_chunking"] = True
            with pq.ParquetWriter(handle, self._schema, **options) as writer:
                while group := list(islice(iterator, _GROUP)):
                    records = [_record(row) for row in group]
                    writer.write_table(pa.Table.from_pylist(records, self._schema))
                    count += len(group)
        return PartFacts(split, count, (_PATTERN.format(split=split),))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        yield CARD, (self._card.text(parts).encode(),)


def _record(row: ExportedRow) -> dict[str, object]:
    assert row.picture is not None
    path = f"{row.key}.{row.picture.suffix}"
    return {IMAGE: {"bytes": row.picture.data, "path": path}, **row.values}
