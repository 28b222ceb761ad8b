"""Warning of SQLite connections that are left to the garbage collector, on each Python.

Python 3.13 and later warn by themselves; the suite is played most often on an older one.
"""

from __future__ import annotations

import functools
import sqlite3
import sys
import warnings
from typing import Any


class _Connection(sqlite3.Connection):
    is_open = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_open = True

    def close(self) -> None:
        super().close()
        self.is_open = False

    def __del__(self) -> None:
        if self.is_open:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=1)


def warn_of_open_connections() -> None:
    """Make every connection of this process warn when nobody closed it."""
    if sys.version_info < (3, 13):
        connect: Any = functools.partial(sqlite3.connect, factory=_Connection)
        sqlite3.connect = connect
