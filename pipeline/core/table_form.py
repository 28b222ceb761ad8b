"""Form of the table of captions: what the configuration decides about it, beside its rows."""

from __future__ import annotations

import json

from msgspec import Struct, field

SCHEMA_VERSION = 2
"""Version of the documented columns."""


class Affixes(Struct, frozen=True):
    """Text before and after each caption, blanks included."""

    prefix: str = ""
    suffix: str = ""

    @property
    def any(self) -> bool:
        """Tell whether there is such a text."""
        return bool(self.prefix or self.suffix)

    def of(self, caption: str) -> str:
        """Caption between prefix and suffix."""
        return f"{self.prefix}{caption}{self.suffix}"


class TableForm(Struct, frozen=True):
    """Form of a table.

    Attributes:
        affixes: put around each caption.
        locations: with the column `location`, which is about this machine.
    """

    affixes: Affixes = field(default_factory=Affixes)
    locations: bool = True

    def to_text(self) -> str:
        """Text that is equal for equal forms of the same version of the columns."""
        parts = [SCHEMA_VERSION, self.affixes.prefix, self.affixes.suffix, self.locations]
        return json.dumps(parts)
