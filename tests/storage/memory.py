"""Storage in memory under `memory://`, as a module that the registry can name."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from pipeline.core.reasons import rejection
from pipeline.records import Rejection
from pipeline.storage import READERS, StorageSettings

OBJECTS: dict[str, tuple[bytes, str]] = {}
"""Bytes and stamp by address, for readers that the registry opens."""


class MemoryReader:
    """Reader of a mapping; counts how many reads overlap."""

    def __init__(self, objects: Mapping[str, tuple[bytes, str]], together: int = 0) -> None:
        self._objects = objects
        self._lock, self.reading, self.most = threading.Lock(), 0, 0
        self._barrier = threading.Barrier(together, timeout=20) if together else None
        self.asked: list[str] = []

    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        with self._lock:
            self.reading += 1
            self.most = max(self.most, self.reading)
            self.asked.append(address)
        if self._barrier is not None:
            self._barrier.wait()
        with self._lock:
            self.reading -= 1
        if address not in self._objects:
            return rejection("vanished")
        data, current = self._objects[address]
        if stamp and stamp != current:
            return rejection("changed")
        if len(data) > max_bytes:
            return rejection("too_large_file", f"{len(data)} bytes")
        return data


def open_reader(settings: StorageSettings) -> MemoryReader:
    del settings
    return MemoryReader(OBJECTS)


@contextmanager
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[bytes, str]]]:
    """Register `memory://`; gives what it holds."""
    monkeypatch.setitem(READERS, "memory", "tests.storage.memory:open_reader")
    OBJECTS.clear()
    yield OBJECTS
    OBJECTS.clear()
