"""Entries for the files that a table names, also where it was written on another system."""

from __future__ import annotations

import functools
import os
import re
import stat
from urllib.parse import unquote

from pipeline.records import SourceFile
from pipeline.sources.base import SourceOptions, problem_entry, stamp_of, to_text
from pipeline.sources.other_names import OtherNames

_OUTSIDE = "this leads out of the manifest's folder (see input.allow_outside)"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_FOLDERS_REMEMBERED = 4096


class NamedFiles:
    """Makes entries from the files that a table names: one stat a row."""

    def __init__(self, base: str, options: SourceOptions) -> None:
        self._base = base
        self._outside_allowed = options.allow_outside
        self._stamp = options.stamp
        self._other_names = OtherNames()
        self._respelled = 0
        self._first = ""
        self._folder = functools.lru_cache(_FOLDERS_REMEMBERED)(self._resolve_folder)

    def entry(self, text: str, columns: dict[str, str], where: str) -> SourceFile:
        """File of a row, or the reason why there is none."""
        entry = self._entry(text, columns, where)
        if entry.problem not in ("missing_file", "bad_path"):  # one name may be too long decomposed
            return entry
        path = os.path.normpath(os.path.join(self._base, text))  # noqa: PTH118
        other = self._other_names.find(path)
        if other is not None:
            same = self._entry(other, columns, where)._replace(name=entry.name)
            self._respelled += same.problem is None
            self._first = self._first or f"{where} means {self._below(other)}"
            return same
        alike = [self._below(name) for name in self._other_names.alike(path) if self._may(name)]
        decoded = os.path.normpath(os.path.join(self._base, unquote(text)))  # noqa: PTH118
        if "%" in text and self._may(decoded) and _is_there(decoded):
            alike = [self._below(decoded)]
        if not alike:
            return entry._replace(detail=f"{entry.detail}{_foreign_path(text)}")
        there = f"{' and '.join(alike)} {'is' if len(alike) == 1 else 'are'} there"
        return entry._replace(detail=f"{entry.detail}; {there}")

    def has(self, text: str) -> bool:
        """Tell whether something has just this path."""
        return _is_there(os.path.join(self._base, text))  # noqa: PTH118

    def sentences(self) -> list[str]:
        """Sentences about the names of all files."""
        if not self._respelled:
            return []
        several = f" (and {self._respelled - 1:,} more)" if self._respelled > 1 else ""
        return [
            "no such file by its bytes, but one with the same letters, as another system writes "
            f"them: {self._first}{several}"
        ]

    def _below(self, path: str) -> str:
        return to_text(os.path.relpath(path, self._base))

    def _may(self, path: str) -> bool:
        return self._outside_allowed or self._holds(os.path.realpath(path))

    def _entry(self, text: str, columns: dict[str, str], where: str) -> SourceFile:
        folder, _, last = text.rpartition("/")
        if last in ("", ".", ".."):
            folder, last = text, ""
        elif not folder and text[0] == "/":
            folder = "/"
        prefix, path_prefix, inside = self._folder(folder)
        name, path = to_text(prefix + last) or ".", path_prefix + last
        try:
            status = os.stat(path, follow_symlinks=False)  # noqa: PTH116
            if stat.S_ISLNK(status.st_mode):
                inside = inside and self._holds(os.path.realpath(path))
                status = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError) as error:
            problem, reason = _why(error)
            if not (inside or self._outside_allowed):
                problem, reason = "outside_root", _OUTSIDE
            return problem_entry(name, problem, f"{where}: {reason}", columns)
        if not (inside or self._outside_allowed):
            return problem_entry(name, "outside_root", f"{where}: {_OUTSIDE}", columns)
        if not stat.S_ISREG(status.st_mode):
            return problem_entry(name, "not_a_file", f"{where} names no regular file", columns)
        return SourceFile(
            "", name, to_text(path), status.st_size, status.st_mtime_ns, status.st_ino, columns,
            ctime_ns=stamp_of(status, self._stamp),
        )  # fmt: skip

    def _resolve_folder(self, text: str) -> tuple[str, str, bool]:
        """(prefix of names, prefix of paths, True inside of the base)."""
        path = os.path.normpath(os.path.join(self._base, text))  # noqa: PTH118
        below = os.path.relpath(path, self._base)
        prefix = "" if below == "." else f"{below}/"
        inside = "\0" not in path and self._holds(os.path.realpath(path) + "/.")
        return prefix, f"{path.rstrip('/')}/", inside

    def _holds(self, real: str) -> bool:
        return real.startswith(self._base.rstrip("/") + "/")


def _is_there(path: str) -> bool:
    try:
        return os.path.exists(path)  # noqa: PTH110
    except ValueError:
        return False


def _foreign_path(text: str) -> str:
    """Words about a path that means something elsewhere, "" for any other."""
    if _WINDOWS.match(text):
        return "; this is a path of Windows, and counts from no folder here"
    return "; ~ stands for no folder in a table" if text.startswith("~/") else ""


def _why(error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "missing_file", "there is no such file"
    if isinstance(error, OSError):
        return "bad_path", error.strerror or str(error)
    return "bad_path", str(error)
