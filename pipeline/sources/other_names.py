"""Names as other systems write them: composed or decomposed letters, backslashes, other case."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Callable, Mapping

_FOLDERS_REMEMBERED = 64
_MANY = 3  # names that a reason lists


class OtherNames:
    """Finds the one file that a path means which does not exist by its bytes."""

    def __init__(self) -> None:
        self._same_letters = functools.lru_cache(_FOLDERS_REMEMBERED)(_index(_letters))
        self._any_case = functools.lru_cache(_FOLDERS_REMEMBERED)(_index(_folded))

    def find(self, path: str) -> str | None:
        """Path of the only file with the same letters, None for none or several."""
        for spelling in _spellings(path):
            matches = self._walk(spelling, self._same_letters, _letters)
            if len(matches) == 1:
                return matches[0]
        return None

    def alike(self, path: str) -> list[str]:
        """Paths of files that differ in case or letters only, a few of them."""
        for spelling in _spellings(path):
            if matches := self._walk(spelling, self._any_case, _folded):
                return matches[:_MANY]
        return []

    def _walk(
        self,
        path: str,
        names: Callable[[str], Mapping[str, list[str]]],
        key: Callable[[str], str],
    ) -> list[str]:
        """Walk all paths whose every part has the same key as that of `path`, bounded."""
        paths = ["/"]
        for part in filter(None, path.split("/")):
            following: list[str] = []
            for folder in paths:
                # a folder that may not be listed may be entered all the same
                same = names(folder).get(key(part)) or [part]
                there = (os.path.join(folder, name) for name in same)  # noqa: PTH118
                following += filter(os.path.lexists, there)
            paths = following[: _MANY + 1]
        return paths


def _spellings(path: str) -> list[str]:
    """Path, and with backslashes as Windows means them."""
    return [path, os.path.normpath(path.replace("\\", "/"))] if "\\" in path else [path]


def _index(key: Callable[[str], str]) -> Callable[[str], Mapping[str, list[str]]]:
    def names(folder: str) -> Mapping[str, list[str]]:
        index: dict[str, list[str]] = {}
        try:
            for name in sorted(os.listdir(folder)):  # noqa: PTH208
                index.setdefault(key(name), []).append(name)
        except (OSError, ValueError):
            return {}
        return index

    return names


def _letters(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
