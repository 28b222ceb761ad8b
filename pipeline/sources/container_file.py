"""File of this machine that holds many images, each at an address inside it."""

from __future__ import annotations

import os

from pipeline.sources.base import (
    Problems,
    SourceOptions,
    closed_digest,
    stamp_of,
    stat_token,
    to_path,
    to_text,
)
from pipeline.sources.exclusion import read_exclusion
from pipeline.storage.containers.member import MemberAddress


class ContainerFile:
    """Members of `sources.base.Source` that do not depend on what is in the file."""

    kind: str

    def __init__(self, path: os.PathLike[str], options: SourceOptions) -> None:
        """Name the file; nothing is read.

        Raises:
            UsageError: a pattern of what to leave out is none.
        """
        self.options = options
        self.real_path = os.path.realpath(path)
        self.locator = to_text(self.real_path)
        self.label = to_text(os.path.basename(self.real_path))  # noqa: PTH119
        self.problems = Problems()
        self.complete = True
        self.exclusion = read_exclusion(options.exclude)

    def path_of(self, folder: str, name: str) -> str:
        """Address of an entry."""
        del folder
        return str(MemberAddress(self.kind, self.real_path, to_path(name)))

    def status(self) -> os.stat_result:
        """Status of the file; raises OSError."""
        return os.stat(self.real_path)  # noqa: PTH116

    def digest(self, status: os.stat_result, *facts: object) -> bytes:
        """Digest of a listing: another one when the file, the options or `facts` are others."""
        changed = stamp_of(status, self.options.stamp)
        token = stat_token("", status.st_size, status.st_mtime_ns, status.st_ino, changed)
        return closed_digest(token, self.options, *facts, *self.exclusion.facts)
