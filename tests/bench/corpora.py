"""The benchmarks' photos on disk, made once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import photos

CACHE = Path(tempfile.gettempdir()) / "captionmill-bench"


def large(cache: Path, count: int) -> list[str]:
    """Paths of corpus L: 8 to 24 megapixels."""
    return _made(cache / f"L{count}", count, photos.make_large)


def small(cache: Path, count: int) -> list[str]:
    """Paths of corpus S: about 500 pixels."""
    return _made(cache / f"S{count}", count, photos.make_small)


def huge(cache: Path) -> list[str]:
    """Paths of photos of 24 megapixels."""
    return _made(cache / "24MP", 8, photos.make_huge)


def many(cache: Path, count: int) -> list[str]:
    """Paths of `count` different pictures like corpus S, in a folder of their own."""
    return _made(cache / f"M{count}", count, photos.make_many)


def many_large(cache: Path, count: int) -> list[str]:
    """Paths of `count` different pictures like corpus L, in their own folder (2 GB for 500)."""
    return _made(cache / f"G{count}", count, photos.make_many_large)


def _made(folder: Path, count: int, make: Callable[[Path, int], object]) -> list[str]:
    done = folder.with_name(f"{folder.name}.done")
    if not done.exists():
        print(f"  making {count:,} photos in {folder}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, count)
        done.touch()
    return sorted(str(path) for path in folder.glob("*.jpg"))
