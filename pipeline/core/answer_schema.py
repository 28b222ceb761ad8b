"""Schema that a structured answer must have, and its fields in the types of the schema.

Services that do not enforce a schema answer "3" for an integer. What cannot be converted is named
with its field and value, and stays as it came.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from pipeline.core.json_schema import Node, properties_of
from pipeline.core.schema_values import Mismatch, bounded_json, fit_value, shortened

SCHEMA_MISMATCH = "schema_mismatch"
"""Code of an answer with a value that its schema does not allow."""


class FittedFields(Struct, frozen=True):
    """Fields of an answer.

    Attributes:
        values: in the types of the schema and in its order; what does not fit stays as it came.
        mismatch: what does not fit, "" for nothing.
        extra: what the schema does not have, "" for nothing.
    """

    values: Mapping[str, object]
    mismatch: str = ""
    extra: str = ""


class AnswerSchema(Struct, frozen=True):
    """Schema of an answer; no fields for plain text.

    Attributes:
        fields: names of its properties in order, the caption's included.
        root: the JSON schema, empty where only the names are known.
    """

    fields: tuple[str, ...] = ()
    root: Node = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Node | None) -> AnswerSchema:
        """Take it from a JSON schema, None for plain text."""
        return cls(tuple(properties_of(schema)), schema or {})

    def fitted(self, fields: Mapping[str, object]) -> FittedFields:
        """Bring the fields of an answer to the types of the schema."""
        properties = properties_of(self.root)
        values, faults = {}, []
        for name in filter(fields.__contains__, self.fields):
            try:
                values[name] = fit_value(properties.get(name), fields[name], self.root, name)
            except Mismatch as mismatch:
                values[name] = fields[name]
                faults.append(str(mismatch))
        extra = [f"{name}: {bounded_json(fields[name])}" for name in fields if name not in values]
        return FittedFields(values, "; ".join(faults), shortened("; ".join(extra)))


PLAIN_TEXT = AnswerSchema()
