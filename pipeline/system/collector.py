"""Collector of cycles, paused where many values are made that hold none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Let the collector of cycles wait: rows that are fetched by the thousand set it off again and
    again, and it walks through all of them in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
