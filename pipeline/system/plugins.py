"""Entry points that let other packages add to the product's registries.

    captionmill.sources    NAME: captionmill run NAME:PLACE
    captionmill.sinks      NAME: tables whose files end in .NAME
    captionmill.providers  NAME: [provider] name = NAME, or NAME_online for single requests
    captionmill.formats    NAME: captionmill export --to NAME TARGET

A package names them in its pyproject.toml: [project.entry-points."captionmill.sinks"].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SOURCES, SINKS, FORMATS = "captionmill.sources", "captionmill.sinks", "captionmill.formats"
PROVIDERS = "captionmill.providers"


def plugins(group: str) -> Mapping[str, EntryPoint]:
    """Entry points of a group by name; nothing of theirs is imported."""
    from importlib.metadata import entry_points  # few commands ask, and it loads a mail parser

    return {entry.name: entry for entry in entry_points(group=group)}


def load_plugin(entry: EntryPoint) -> Any:
    """Object that an entry point names.

    Raises:
        UsageError: its package cannot be imported, or has no such object.
    """
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist is not None else "a package"
        raise UsageError(
            f"{package} adds {entry.name!r} to {entry.group}, which cannot be loaded: {error}"
        ) from error
