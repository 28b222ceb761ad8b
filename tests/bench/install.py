"""Install what the benchmarks need beside the locked packages: `python -m tests.bench.install`.

The extra `bench` of pyproject.toml names packages that ship photos, and peers. Each is installed
on its own and beside the packages that are here, none of which changes; one that cannot be
installed is named, and the benchmarks go on without it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


def main() -> None:
    """Install each package of the extra that is not here yet."""
    missing = [name for name in wanted(_PROJECT) if not is_installed(name)]
    if not missing:
        return
    frozen = subprocess.run(
        (*_PIP, "freeze", "--exclude-editable"), capture_output=True, text=True, check=True
    )
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(frozen.stdout, encoding="utf-8")
        for requirement in missing:
            print(f"installing {requirement} for the benchmarks", file=sys.stderr, flush=True)
            install = (*_PIP, "install", "--constraint", str(constraints), requirement)
            if subprocess.run(install, check=False).returncode:
                print(f"{requirement} cannot be installed here: without it", file=sys.stderr)


def wanted(project: Path) -> list[str]:
    """Requirements of the extra `bench`."""
    extras = tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"]
    return list(extras["bench"])


def is_installed(requirement: str) -> bool:
    """True when some version of the package is here."""
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
