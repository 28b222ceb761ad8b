from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sinks.lance_dataset import LanceDataset

ROOT = Path(__file__).parents[2]


def test_without_the_library_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(UsageError, match=r"pip install 'captionmill\[lance\]'"):
        LanceDataset(tmp_path, {}, has_pictures=True)


@pytest.mark.skipif(find_spec("lance") is None, reason="the library of Lance is not installed")
def test_what_it_writes_in_a_process_of_its_own() -> None:
    # the library warns of every fork after its import, and other tests fork
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command += ["-m", "long", "tests/interop/test_lance.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
