"""The program, ended inside of this process where it reaches a failpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pipeline.system import failpoints


@contextlib.contextmanager
def killed_at(place: str, error: type[BaseException] = RuntimeError) -> Iterator[None]:
    """Block that must end with `error`, raised where `place` is reached."""

    def hook(reached: str) -> None:
        if reached == place:
            raise error(place)

    failpoints.arm(hook)
    try:
        with pytest.raises(error, match=place):
            yield
    finally:
        failpoints.arm(None)
