"""Ids as the service makes them, drawn from the server's seed so that a run can be repeated."""

from __future__ import annotations

import hashlib
import uuid


class IdGenerator:
    """Makes ids. The same seed, kind and number give the same id; numbers are never used twice."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def token(self, kind: str, number: object, length: int = 24) -> str:
        """`length` hexadecimal digits."""
        text = f"{self._seed}\n{kind}\n{number}"
        return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:length]

    def identifier(self, kind: str, number: int, *, as_uuid: bool, written: str = "{id}") -> str:
        """E.g. "batch_0f3a..." or "file-9c1b...", or a plain UUID; `written` as it says."""
        if as_uuid:
            own = str(uuid.UUID(self.token(kind, number, 32)))
        elif kind == "file":
            own = f"file-{self.token(kind, number)}"
        else:
            own = f"{kind}_{self.token(kind, number, 32)}"
        return written.replace("{id}", own).replace("{n}", str(number))

    def rank(self, batch: int, line: int) -> str:
        """Sort key that shuffles the lines of a batch, each batch in its own way."""
        return self.token("rank", f"{batch}.{line}", 16)
