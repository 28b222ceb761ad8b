"""Command `captionmill`, also as `python -m pipeline`."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType
from typing import Any

_NEW_OBJECTS = 100_000
_PLUGIN_SEARCH = "pydantic.plugin._loader"


def _without_pydantic_plugins() -> None:
    """Spare the search for packages that watch pydantic; none of ours does.

    The variable spares reading the description of every installed package. The module in which
    pydantic would search imports importlib.metadata, and with it the standard library's mail: a
    twentieth of the CPU of `status`. Where pydantic calls it otherwise, this changes nothing; where
    it takes something else from there, it gets that of the module itself.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    search = ModuleType(_PLUGIN_SEARCH)
    search.__dict__.update(get_plugins=tuple, __getattr__=_of_plugin_search)
    sys.modules.setdefault(search.__name__, search)


def _of_plugin_search(name: str) -> Any:
    if name.startswith("__"):  # what the import system asks of every module
        raise AttributeError(name)
    from importlib import import_module

    del sys.modules[_PLUGIN_SEARCH]
    return getattr(import_module(_PLUGIN_SEARCH), name)


def _open_standard_descriptors() -> None:
    """Open what the caller has closed of the three standard descriptors: a file of ours would take
    its number, and what a library says there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def main() -> None:
    """Run the command line and exit with its code."""
    _open_standard_descriptors()
    # numpy's BLAS, for which there is no work here, would start a thread for each core and let
    # them spin: a tenth of a second of CPU
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Arrow's own allocators keep what they once had; a row group's memory is better given back
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _without_pydantic_plugins()
    # what a run makes for each image is gone without the cycle collector, which by default would
    # look for cycles after every 700 objects: a twentieth of the CPU; loading the modules makes
    # 60,000 that stay
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
    from pipeline.cli.app import run_command_line

    code = run_command_line(sys.argv[1:])
    gc.freeze()  # the interpreter looks for cycles once more when it ends: for nothing
    sys.exit(code)


if __name__ == "__main__":
    main()
