from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.storage.spool import HAS_ANONYMOUS_FILES, spooled

BOTH = pytest.mark.parametrize(
    "anonymous",
    [
        False,
        pytest.param(True, marks=pytest.mark.skipif(not HAS_ANONYMOUS_FILES, reason="no memfd")),
    ],
)


@BOTH
def test_a_file_opens_in_another_process_until_it_is_freed(anonymous: bool) -> None:
    data = os.urandom(300_000)
    file = spooled(data, anonymous=anonymous)
    code = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
    done = subprocess.run([sys.executable, "-c", code, file.path], capture_output=True, check=True)
    assert done.stdout == data
    assert file.size == len(data)
    file.free()
    file.free()
    assert not Path(file.path).exists()


@BOTH
def test_nothing_is_left_open(anonymous: bool) -> None:
    before = open_files()
    for _ in range(100):
        spooled(b"x", anonymous=anonymous).free()
    assert open_files() <= before


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
