"""What is put around captions: a trigger word, a prefix, a suffix. The answer itself is kept as it
came; changing its dress costs nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dress:
    """Text before and after each caption, exactly as it is given, blanks included."""

    prefix: str = ""
    suffix: str = ""

    def of(self, caption: str) -> str:
        """A caption in its dress."""
        return f"{self.prefix}{caption}{self.suffix}"

    def to_text(self) -> str:
        """To be compared with that of another dress."""
        return json.dumps([self.prefix, self.suffix]) if self.prefix or self.suffix else ""
