"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def late_name(place: str) -> Any:
    """Object at "MODULE:NAME", whose module is imported now."""
    from importlib import import_module

    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def late_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Function for a package's `__getattr__`: the package itself stays quick to import.

    Args:
        homes: module of each name.
    """

    def imported(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return late_name(f"{homes[name]}:{name}")

    return imported
