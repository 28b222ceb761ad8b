"""Mirror of the workspace of one session: begun, kept up to date, and another machine noticed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.core.lifecycle import TWIN
from pipeline.core.twins import mirror_sentence
from pipeline.errors import CaptionmillError, NeedsPerson, UsageError
from pipeline.ledger import Ledger
from pipeline.records import Say
from pipeline.session.mirror import Mirror
from pipeline.system.clock import Clock
from pipeline.system.workspace import Workspace

# facts of the ledger: the last session of this copy; the last one that a person has decided about;
# that the ledger was made from the mirror and no session has begun since
_RUN, _SEEN, _RESTORED = "mirror_run", "mirror_seen", "mirror_restored"
_SECONDS = 60.0


class RunMirror:
    """Mirror as the stages of one session use it; see `Mirroring`."""

    def __init__(self, mirror: Mirror, ledger: Ledger, workspace: Workspace, clock: Clock) -> None:
        self._mirror, self._ledger, self._workspace = mirror, ledger, workspace
        self._clock = clock
        self._last_look = time.monotonic()

    def begin(self, *, rebuilding: bool) -> None:
        """Begin a session that may send; a session of another copy of the workspace is noted as a
        twin, until whose resolution nothing is sent.

        Raises:
            UsageError: it is the mirror of another workspace, or cannot be used.
        """
        mirror, ledger = self._mirror, self._ledger
        mirror.claim(ledger.workspace_id())
        self.put(self._workspace.id_file, self._workspace.cap_file)  # whatever becomes of this run
        last = mirror.last_run()
        if rebuilding:
            ledger.put(_RUN, str(last))
            ledger.put(_RESTORED, "yes")
            return
        if ledger.get(TWIN) is not None:
            ledger.put(_SEEN, str(last))  # whoever resolves it has decided about these
            return
        decided = ledger.get(_SEEN) is not None  # a person has: what the other bought counts
        ours = max(int(ledger.get(fact) or 0) for fact in (_RUN, _SEEN))
        if ours < last:
            if decided:
                mirror.take_missing(self._workspace)
            self._note_twin(last)
            return
        with ledger.database.transaction("mirror"):  # first: a kill between would look like a twin
            ledger.put(_RUN, str(ours + 1))
            ledger.put(_SEEN, None)
        if not mirror.add_run(ours + 1):
            self._note_twin(ours + 1)
        if decided or ledger.get(_RESTORED) is not None:
            # the other copy looks for our session before each group that it sends, so what it sent
            # is there by now
            mirror.list_again()
            mirror.take_missing(self._workspace)
            ledger.put(_RESTORED, None)

    def keep(self, *, at_once: bool) -> None:
        """Put there what is new; see `Mirroring.keep`."""
        if at_once or time.monotonic() - self._last_look >= _SECONDS:
            self._mirror.keep(self._workspace)
            self._last_look = time.monotonic()

    def put(self, *paths: Path) -> None:
        """Put files there; see `Mirroring.put`."""
        for path in paths:
            self._mirror.put_file(self._workspace, path)

    def before_sending(self, group: str, batch_record: Path, requests: Iterable[str]) -> None:
        """Put there what may leave now; see `Mirroring.before_sending`."""
        self._mirror.put_group(group, requests)
        self.put(batch_record)
        # only then: a copy that begins now has either been seen here, or sees all of this
        following = int(self._ledger.get(_RUN) or 0) + 1
        if self._mirror.has_run(following):
            self._note_twin(following)
            raise NeedsPerson(self._ledger.get(TWIN) or "")

    def _note_twin(self, last: int) -> None:
        ledger = self._ledger
        with ledger.database.transaction("twin"):
            text = mirror_sentence(self._mirror.address)
            ledger.put(TWIN, text)
            ledger.incident(self._clock.now(), "twin", text)
            ledger.put(_SEEN, str(last))


@contextlib.contextmanager
def kept_in(mirror: RunMirror, say: Say) -> Iterator[None]:
    """Keep the mirror up to date when the block ends, however it ends."""
    try:
        yield
    except BaseException:
        try:
            mirror.keep(at_once=True)
        except CaptionmillError as error:
            say(f"the mirror is not up to date: {error}")
        raise
    mirror.keep(at_once=True)


def require_ours(mirror: Mirror, ledger: Ledger) -> None:
    """Refuse a mirror that another copy of the workspace has taken over since the last session of
    this one.

    Raises:
        UsageError: it has, or this is the mirror of another workspace.
    """
    mirror.claim(ledger.workspace_id())
    ours = max(int(ledger.get(fact) or 0) for fact in (_RUN, _SEEN))
    if ours < mirror.last_run():
        raise UsageError(mirror_sentence(mirror.address))
