"""Pictures for which there is too little memory are not called damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pillow_heif
import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging import memory
from pipeline.imaging.memory import memory_needed
from pipeline.imaging.prepare import prepare_file
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, quarters

pillow_heif.register_heif_opener()
_NOT_LINUX = not sys.platform.startswith("linux")


def test_without_a_limit_memory_is_not_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_left", lambda: None)
    assert memory_needed("WebP", 10**12) == ""


def test_the_words_name_both_and_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_left", lambda: 999_000_000)
    assert memory_needed("WebP", 181_000_000) == (
        "it may take 2896 MB, 999 MB are left; raise images.memory_limit"
    )
    assert memory_needed("WebP", 1_000_000) == ""
    assert memory_needed("PNG", 10**12) == "", "it raises MemoryError itself"
    assert memory_needed(None, 10**12) == ""


_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_file
from tests.imaging.drawing import LongSide

small, large, room = sys.argv[1:]
prepare_file(small, Recipe(LongSide(96)))  # imports what it takes
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(room), used + int(room)))
prepared = prepare_file(large, Recipe(LongSide(96)))
print(prepared.rejection if hasattr(prepared, "rejection") else prepared.flags)
"""


@pytest.mark.skipif(_NOT_LINUX, reason="nothing else tells how much memory a process has")
@pytest.mark.parametrize("form", ["WEBP", "AVIF", "HEIF"])
def test_a_large_picture_in_a_small_process_is_not_called_damaged(
    form: str, tmp_path: Path
) -> None:
    options: dict[str, dict[str, object]] = {"WEBP": {"method": 0}, "AVIF": {"speed": 10}}
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(encoded(quarters(), form))
    large.write_bytes(encoded(quarters(5000, 4000), form, **options.get(form, {})))
    words = _in_little_memory(small, large, 60_000_000)
    assert "out_of_memory" in words
    assert "raise images.memory_limit" in words
    assert isinstance(prepare_file(str(large), Recipe(LongSide(96))), PreparedImage)


@pytest.mark.skipif(_NOT_LINUX, reason="nothing else tells how much memory a process has")
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_is_prepared_in_the_memory_of_its_file_and_its_pixels(
    compression: str, tmp_path: Path
) -> None:
    """Its last rows are of one level, so that they are looked at for a break."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(encoded(quarters(), "TIFF", compression=compression))
    large.write_bytes(encoded(quarters(5000, 4000), "TIFF", compression=compression))
    pixels = 5000 * 4000 * 4  # Pillow's
    room = pixels + large.stat().st_size + 25_000_000
    assert _in_little_memory(small, large, room) == "()\n"


def _in_little_memory(small: Path, large: Path, room: int) -> str:
    """Outcome of `large` in a process that may take `room` bytes more than `small` took."""
    command = [sys.executable, "-c", _LITTLE_MEMORY, str(small), str(large), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout
