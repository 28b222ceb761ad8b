"""Mirror of a workspace as the stages use it: a second place that keeps what was paid for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Mirroring(Protocol):
    """Keeps in another place what another machine needs to pay nothing twice."""

    def keep(self, *, at_once: bool) -> None:
        """Put there what is new, at once or when the last time is a minute ago.

        Raises:
            UsageError: it cannot be put.
        """
        ...

    def put(self, *paths: Path) -> None:
        """Put these files there now, as they are; one that is not here is nothing.

        Raises:
            UsageError: they cannot be put.
        """
        ...

    def before_sending(self, group: str, batch_record: Path, requests: Iterable[str]) -> None:
        """Make it known there that these online requests may have an effect from here on.

        Args:
            group: key of the group of requests.
            batch_record: path of its batch record.
            requests: custom_ids of the group.

        Raises:
            UsageError: it cannot be put.
            NeedsPerson: another copy of the workspace has begun to work since this one did.
        """
        ...


class NoMirror:
    """Mirror of a workspace that has none."""

    def keep(self, *, at_once: bool) -> None:
        """Put nothing there."""

    def put(self, *paths: Path) -> None:
        """Put nothing there."""

    def before_sending(self, group: str, batch_record: Path, requests: Iterable[str]) -> None:
        """Let everything go."""
