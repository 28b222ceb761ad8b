"""Breakages of the recovery code, applied in the child process. Each must be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A breakage: what it does, and how."""

    text: str
    apply: Callable[[], None]


MUTANTS: dict[str, Mutant] = {}
