"""Want of memory in libraries that call it damage.

A worker process may have so much address space (`images.memory_limit`). Where a library fails in it
without saying why, its file is not damaged for that, and may be sound where there is more.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

try:
    import resource
except ImportError:  # no Unix
    resource = None  # type: ignore[assignment]

# the most that each takes for a pixel, by trial with 30 million; the others raise MemoryError
_BYTES_A_PIXEL = {"WebP": 16, "AVIF": 12, "HEIC": 12, "JPEG 2000": 24, "JPEG XL": 8}
_MILLION = 1_000_000


def memory_needed(format: str | None, pixels: int) -> str:
    """Words for the memory that a picture may take, "" where this process has so much left."""
    need = _BYTES_A_PIXEL.get(format or "", 0) * pixels
    left = _left() if need else None
    if left is None or need <= left:
        return ""
    return (
        f"it may take {need // _MILLION} MB, {left // _MILLION} MB are left; "
        "raise images.memory_limit"
    )


def _left() -> int | None:
    """Bytes of address space that this process may still take; None without a limit, or where the
    system does not tell."""
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return max(limit - pages * resource.getpagesize(), 0)
    return None
