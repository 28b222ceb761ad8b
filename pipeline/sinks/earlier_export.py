"""Guard of the file that an exported table would replace: only one of ours is written over."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.system.regular_file import open_regular

_MAGIC = b"PAR1"
_MARK = b"captionmill."  # keys of the metadata, which ends the file
_TAIL = 1 << 20  # bytes


def refuse_others(path: Path) -> None:
    """Refuse to write a Parquet file over one that is not ours, as far as can be told: an earlier
    export is ours in whatever way it is damaged, and a broken Parquet file is of use to nobody.

    Raises:
        UsageError: it is somebody else's, or cannot be looked at.
    """
    try:
        with open_regular(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(len(_MAGIC))
            stream.seek(max(0, size - _TAIL))
            tail = stream.read(_TAIL)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{path} cannot be replaced ({error.strerror}): name another one"
        ) from None
    is_broken = head == _MAGIC and (tail == head or not tail.endswith(_MAGIC))
    if size and not is_broken and _MARK not in tail:
        raise UsageError(f"{path} is there and no table of captionmill: name another file")
