"""Workers on other machines, as the engine of chunks asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from msgspec import Struct

from pipeline.engines.base import Job
from pipeline.records import Prepared

State = Literal["waiting", "running", "done", "coming", "here"]


EventKind = Literal["done", "here", "lost", "killed", "failed", "refused"]


@dataclass(slots=True, eq=False)
class Chunk:
    """Jobs that one worker prepares, one after the other.

    Attributes:
        state: "done" is prepared on a worker, "coming" on its way here.
        failures: how often it failed for a reason that may be its own.
        urgent: it was sent before, so others already wait for it.
        answers: one a job, once they are here.
    """

    jobs: list[Job]
    state: State = "waiting"
    failures: int = 0
    urgent: bool = False
    answers: list[Prepared] = field(default_factory=list)

    @property
    def locations(self) -> list[str]:
        """Openable paths of its images."""
        return [location for _, location in self.jobs]


class ChunkEvent(Struct, frozen=True):
    """Event in the life of a chunk.

    Attributes:
        kind: "done", prepared; "here", with its `answer`; "lost", nobody's fault; "killed", its
            workers ended over it again and again; "failed" on `worker`, with `words`;
            "refused", a failure that every worker would have.
    """

    chunk: Chunk
    kind: EventKind
    answer: bytes = b""
    worker: str = ""
    words: str = ""


class ChunkFailed(Exception):
    """Failure of a worker over a whole chunk; raised there, so it can be pickled.

    Attributes:
        worker: its address.
        refused: every worker would fail in this way.
    """

    def __init__(self, worker: str, words: str, refused: bool = False) -> None:
        super().__init__(worker, words, refused)
        self.worker, self.words, self.refused = worker, words, refused

    def __str__(self) -> str:
        return f"{self.worker}: {self.words}"


class Nodes(Protocol):
    """Workers on other machines."""

    def open(self) -> None:
        """Reach the cluster, unless it is reached; raises a CaptionmillError where none is."""
        ...

    def slots(self) -> int:
        """Chunks that the workers in use can prepare at once; 0 while there are none."""
        ...

    def submit(self, chunk: Chunk) -> None:
        """Let a worker prepare a chunk; an event follows, or `drop`."""
        ...

    def bring(self, chunk: Chunk) -> None:
        """Bring the answer of a chunk that is done; an event follows."""
        ...

    def drop(self, chunks: Iterable[Chunk]) -> None:
        """Forget chunks, wherever they are; no event of theirs follows."""
        ...

    def events(self, seconds: float) -> list[ChunkEvent]:
        """Events since the last call; waits so long for the first of them."""
        ...

    def bar(self, worker: str, words: str) -> None:
        """Stop using a worker; raises a CaptionmillError when none is left."""
        ...

    def described(self) -> str:
        """Workers in one clause, for a person who asks why nothing comes."""
        ...

    def close(self) -> None:
        """Leave the cluster; called again it does nothing."""
        ...
