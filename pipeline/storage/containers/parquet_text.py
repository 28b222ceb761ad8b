"""Values of a Parquet table as text, for prompts and for the table of captions."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow as pa

from pipeline.storage.containers.parquet_images import ParquetTable, features
from pipeline.storage.containers.value_text import value_text


class TextColumns:
    """Columns of a table that are carried on as text: all but images, bytes and vectors.

    Attributes:
        names: in the table's order.
    """

    def __init__(self, table: ParquetTable, images: Collection[str]) -> None:
        self._table = table
        self._words = {
            name: feature["names"]
            for name, feature in features(table.schema).items()
            if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
        self.names = tuple(
            entry.name
            for entry in table.schema
            if entry.name not in images and _has_words(entry.type)
        )

    def rows(self) -> Iterator[dict[str, str]]:
        """Texts of each row, in order; a class is named by its word."""
        if not self.names:
            yield from ({} for _ in range(self._table.rows))
            return
        for batch in self._table.batches(list(self.names)):
            columns = [
                [_text(scalar, self._words.get(name, ())) for scalar in batch.column(name)]
                for name in self.names
            ]
            for values in zip(*columns, strict=True):
                yield dict(zip(self.names, values, strict=True))


def _has_words(kind: pa.DataType) -> bool:
    """Tell whether values are for people: numbers by the hundred and bytes are not."""
    if pa.types.is_dictionary(kind):
        return _has_words(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_has_words(entry.type) for entry in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_type
        return _has_words(inner) and not pa.types.is_floating(inner)
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    others = (pa.types.is_fixed_size_binary, pa.types.is_fixed_size_list, pa.types.is_map)
    return not any(is_kind(kind) for is_kind in (*binary, *others))


def _text(scalar: pa.Scalar, words: Collection[str]) -> str:
    try:
        value = scalar.as_py()
    except UnicodeDecodeError:
        value = scalar.as_buffer().to_pybytes().decode("utf-8", "replace")
    if words and isinstance(value, int) and 0 <= value < len(words):
        return str(list(words)[value])
    return value_text(value)
