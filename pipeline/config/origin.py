"""Origin of the values of a configuration: its file, and the options on top of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """Origin of each value. All origins are equal, as configurations are by their values.

    Attributes:
        path: the file.
        options: dotted keys on top of it, by `options_from`.
    """

    path: str = field(default="", compare=False)
    options: frozenset[str] = field(default=frozenset(), compare=False)
    options_from: str = field(default="", compare=False)

    def of(self, key: str) -> str:
        """Origin of a dotted key."""
        if any(key == option or key.startswith(f"{option}.") for option in self.options):
            return self.options_from
        return self.path
