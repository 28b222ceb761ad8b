"""Module search path of child processes: the same product as this process, whatever the folder.

A script's folder leads its `sys.path` and may hold a `pipeline.py` of its own; `captionmill`
passes it by, and the children of such a script must as well.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def module_path() -> str:
    """Value for PYTHONPATH; start Python with -P, so that nothing comes before it."""
    entries = [entry or os.curdir for entry in sys.path]
    spec = PathFinder.find_spec(_PACKAGE.name, entries)
    if spec is None or spec.origin is None or Path(spec.origin).parent != _PACKAGE:
        # not always: where it is installed, this folder would come before the standard library
        entries.insert(0, str(_PACKAGE.parent))
    return os.pathsep.join(entries)
