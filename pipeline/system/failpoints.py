"""Named places where a test may kill, fail or observe the process.

Off they cost one global lookup. A test arms them in its own process (`arm`), or for a child
process through the environment: CAPTIONMILL_FAILPOINT="name", "name:3" (third visit).
An armed process dies there by SIGKILL, as by `kill -9`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def reached(name: str) -> None:
    """Mark that the code passes `name`; calls the armed hook, if any."""
    if _hook is not None:
        _hook(name)


def arm(hook: Callable[[str], None] | None) -> None:
    """Install `hook`, called with each name reached; None disarms."""
    global _hook
    _hook = hook


def kill_at(name: str, visit: int = 1) -> Callable[[str], None]:
    """Hook that kills this process by SIGKILL at the `visit`-th time `name` is reached."""
    left = visit

    def hook(reached_name: str) -> None:
        nonlocal left
        if reached_name == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def arm_from_environment() -> None:
    """Arm from CAPTIONMILL_FAILPOINT, so that a whole command can be killed at a place."""
    spec = os.environ.get("CAPTIONMILL_FAILPOINT")
    if spec:
        name, _, visit = spec.partition(":")
        arm(kill_at(name, int(visit or 1)))
