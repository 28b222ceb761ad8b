"""Run benchmarks: `python -m tests.bench` all of them, `python -m tests.bench NAME ...` one.

A benchmark is a module `bench_NAME.py` of this folder with a `main(arguments) -> Found`. What
they found is printed as one table and written to bench.json (bench-NAME.json for one).
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from tests.bench.figures import Found, as_json, table

NAMES = sorted(
    path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
)


def main(arguments: list[str]) -> None:
    """Run what the first argument names, with the others; everything when there is none."""
    if arguments and arguments[0] not in NAMES:
        raise SystemExit(f"there is no benchmark {arguments[0]!r}; there are: {', '.join(NAMES)}")
    found: dict[str, Found] = {}
    for name in arguments[:1] or NAMES:
        print(f"== {name}", flush=True)
        found[name] = import_module(f"tests.bench.bench_{name}").main(arguments[1:])
    print(f"\n{table(found)}")
    target = Path(f"bench-{arguments[0]}.json" if arguments else "bench.json")
    target.write_text(json.dumps(as_json(found), indent=1), encoding="utf-8")
    print(f"details: {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
