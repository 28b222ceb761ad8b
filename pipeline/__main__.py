"""Command `captionmill`, also as `python -m pipeline`."""

from __future__ import annotations

import gc
import os
import sys

_NEW_OBJECTS = 20_000


def main() -> None:
    """Run the command line and exit with its code."""
    # numpy's BLAS, for which there is no work here, would start a thread for each core and let
    # them spin: a tenth of a second of CPU
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Arrow's own allocators keep what they once had; a row group's memory is better given back
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # packages that want to watch pydantic are none of ours, and looking for them reads the
    # description of every installed one
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # what a run makes for each image is gone without the cycle collector, which by default would
    # look for cycles after every 700 objects: a twentieth of the CPU
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
    from pipeline.cli.app import run_command_line

    code = run_command_line(sys.argv[1:])
    gc.freeze()  # the interpreter looks for cycles once more when it ends: for nothing
    sys.exit(code)


if __name__ == "__main__":
    main()
