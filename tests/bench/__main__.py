"""Run benchmarks: `python -m tests.bench` all of them, `python -m tests.bench NAME ...` one.

A benchmark is a module `bench_NAME.py` of this folder with a `main(arguments)`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

NAMES = sorted(
    path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
)


def main(arguments: list[str]) -> None:
    """Run what the first argument names, with the others; everything when there is none."""
    if arguments and arguments[0] not in NAMES:
        raise SystemExit(f"there is no benchmark {arguments[0]!r}; there are: {', '.join(NAMES)}")
    for name in arguments[:1] or NAMES:
        print(f"== {name}", flush=True)
        import_module(f"tests.bench.bench_{name}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
