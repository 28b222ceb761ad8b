"""Data sets of Hugging Face as Parquet with the pictures inside.

A picture is struct<bytes: binary, path: string>; the schema's metadata names the features, so that
the file needs no card to be read; row groups are small, since a viewer reads whole ones (docs of
`datasets` and of the Hub's viewer).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pipeline.sinks.card import CARD, Card
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.system.files import whole_file

_GROUP = 100
_PATTERN = "data/{split}-{{number:05}}-of-{{count:05}}.parquet"
DATA_FILES = "data/{split}-*.parquet"


class HuggingFaceParquet:
    """Parquet shards; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self, card: Card, fields: Mapping[str, Any]) -> None:
        """`fields` are the exported fields with their Arrow types."""
        import pyarrow as pa

        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        features: dict[str, dict[str, object]] = {"image": {"_type": "Image"}}
        features |= {name: _feature(kind) for name, kind in fields.items()}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        self._schema = pa.schema([("image", image), *fields.items()], metadata)
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
    return {"image": {"bytes": row.picture.data, "path": path}, **row.values}


def _feature(kind: Any) -> dict[str, object]:
    """Feature of `datasets` for an Arrow type."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    if pa.types.is_timestamp(kind):
        return {"dtype": "timestamp[us, tz=UTC]", "_type": "Value"}
    names = {pa.string(): "string", pa.large_string(): "large_string", pa.int64(): "int64"}
    names |= {pa.float64(): "float64", pa.bool_(): "bool"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}
