"""Images that are left out by patterns as `.gitignore` has them: `[input] exclude`, and the file
`.captionmillignore` at the top of a folder of images, or below the prefix of a bucket.

The file is data that comes with the pictures: it can only leave out. One that cannot be read or
understood ends the run before anything is paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.system.regular_file import NotRegular, open_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".captionmillignore"
MOST_BYTES = 1 << 20
"""Size of the largest ignore file that is read."""

_MOST_STARS = 12  # of one pattern: each multiplies the time that a name may take


class Exclusion(Struct, frozen=True):
    """Rules about paths below a source's root; false without any.

    Attributes:
        lines: patterns of the configuration and those of the ignore file, each with its order.
    """

    lines: tuple[tuple[str, ...], ...] = ()
    _specs: tuple[GitIgnoreSpec, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything may be left out."""
        return bool(self._specs)

    @property
    def facts(self) -> tuple[object, ...]:
        """Facts that a listing's digest depends on, () without rules."""
        return (self.lines,) if self else ()

    def excludes(self, path: str) -> bool:
        """Tell whether a path is left out; a folder's ends with a slash."""
        return any(spec.match_file(path) for spec in self._specs)

    def excludes_within(self, path: str) -> bool:
        """Tell whether a path is left out, or a folder that it is in, where nobody has looked at
        the folders yet: a pattern that takes a path in again does not help one of those."""
        if self.excludes(path):
            return True
        takes_in = any(line.startswith("!") for lines in self.lines for line in lines)
        above = path.split("/")[:-1] if takes_in else ()
        return any(self.excludes(f"{folder}/") for folder in accumulate(above, "{}/{}".format))


NOTHING_EXCLUDED = Exclusion()


def read_exclusion(patterns: Sequence[str], folder: str | None = None) -> Exclusion:
    """Rules of the configuration, and of the ignore file in `folder`.

    Raises:
        UsageError: the file cannot be read, or a pattern is none.
    """
    path = None if folder is None else Path(folder, IGNORE_FILE)
    return exclusion_of(patterns, str(path), b"" if path is None else _bytes_of(path))


def exclusion_of(patterns: Sequence[str], where: str, ignored: bytes) -> Exclusion:
    """Rules of the configuration, and of an ignore file's bytes, which lie at `where`.

    Raises:
        UsageError: a pattern is none, or the file is too large.
    """
    if len(ignored) > MOST_BYTES:
        raise UsageError(f"{where} is larger than {MOST_BYTES:,} bytes: it is no list of patterns")
    sets = [("[input] exclude", tuple(patterns)), (where, _lines(ignored))]
    sets = [(where, lines) for where, lines in sets if any(map(str.strip, lines))]
    if not sets:
        return NOTHING_EXCLUDED
    specs = tuple(_spec(where, lines) for where, lines in sets)
    return Exclusion(tuple(lines for _, lines in sets), specs)


def _spec(where: str, lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    for number, line in enumerate(lines, start=1):
        if line.count("*") > _MOST_STARS:
            raise UsageError(f"{where} line {number} has more than {_MOST_STARS} stars")
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise UsageError(f"{where} line {number} is no pattern: {error}") from error
    return GitIgnoreSpec.from_lines(lines)


def _bytes_of(path: Path) -> bytes:
    try:
        with open_regular(path, links=False) as stream:
            return stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return b""
    except NotRegular as error:
        raise UsageError(f"{path} is no ordinary file") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _lines(data: bytes) -> tuple[str, ...]:
    text = data.decode("utf-8-sig", "surrogateescape")
    return tuple(line.rstrip("\r") for line in text.split("\n"))
