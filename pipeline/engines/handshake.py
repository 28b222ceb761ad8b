"""Handshake with a cluster: may a worker prepare our images?

A worker with another Python, or without this package, neither runs our functions nor says that it
cannot: what is asked of it first is plain Python that every version understands.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping

Versions = Mapping[str, str]
"""Version of "python" (3.11) and of each package, "" for one that is not there."""

PACKAGE = "captionmill"
SHAPING = ("pillow", "simplejpeg", "cykooz-resizer")
"""Packages that shape the bytes that are sent: another version would be another picture."""

SPEAKING = ("dask", "distributed")
"""Packages whose versions speak to each other only when they are equal."""

_PACKAGES = (PACKAGE, *SHAPING, *SPEAKING)

PROBE = (
    "(lambda m, s: {'python': '%d.%d' % s.version_info[:2], **{name: next((d.version for d in "
    "m.distributions(name=name)), '') for name in " + repr(_PACKAGES) + "}})"
    "(__import__('importlib.metadata').metadata, __import__('sys'))"
)
"""Expression whose value are a worker's `Versions`."""


def own_versions() -> Versions:
    """Versions of this process."""
    versions = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = ""
    return versions


def difference(own: Versions, theirs: object) -> str:
    """Clause that says in what another process differs from this one, "" where it may work.

    `theirs`: its answer to `PROBE`, whatever that is.
    """
    if not isinstance(theirs, Mapping):
        return f"it does not answer: {theirs}"
    for name, version in own.items():
        other = theirs.get(name, "")
        if other == version:
            continue
        if not other:
            return f"{name} is not installed there"
        words = "Python" if name == "python" else name
        return f"it has {words} {other}, this machine {version}"
    return ""
