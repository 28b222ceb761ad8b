"""Modules of a package without what its `__init__` imports for others.

`fastparquet` imports pandas (a second of CPU, 70 MB), `genai_prices` an HTTP client and asyncio;
the modules that we use of them need neither.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Import modules of the package `name` inside the block as if its `__init__` were empty.

    Whoever imports the package itself later gets all of it, with the same modules. So what is
    imported here must be kept: a further import statement would load the rest.
    """
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.submodule_search_locations is None:  # loaded, or none: as always
        yield
        return
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    try:
        yield
    finally:
        if sys.modules.get(name) is package:
            del sys.modules[name]
