"""Record of what people decided, kept in the workspace's mirror by commands that send nothing."""

from __future__ import annotations

import contextlib
import time

from pipeline.errors import CaptionmillError, UsageError
from pipeline.ledger import Ledger
from pipeline.records import Say
from pipeline.review.edits import Edits
from pipeline.session.settings import RunSettings
from pipeline.system.workspace import Workspace

_SECONDS = 10.0  # between two copies, and more for a record that takes long to copy
_REST = 20


class MirroredReviews:
    """Copies of the record of edits in the mirror, as often as it changes. The record here is
    complete whatever becomes of them."""

    def __init__(self, settings: RunSettings, workspace: Workspace, edits: Edits) -> None:
        self._settings, self._workspace, self._edits = settings, workspace, edits
        self._step = edits.last_step()
        self._not_before = 0.0

    def keep_at_times(self, say: Say) -> None:
        """Put a copy there when the last one is a while ago; says what prevents it."""
        if time.monotonic() >= self._not_before:
            self.keep_or_say(say)

    def keep_or_say(self, say: Say) -> None:
        """Put a copy there; says what prevents it, and tries again at the next edit."""
        began = time.monotonic()
        try:
            self.keep()
        except CaptionmillError as error:
            say(str(error))
            with contextlib.suppress(CaptionmillError):  # it may be the record that cannot be read
                self._step = self._edits.last_step()
        now = time.monotonic()
        self._not_before = now + max(_SECONDS, _REST * (now - began))

    def keep(self) -> None:
        """Put a copy there when something was decided since the last one.

        Raises:
            UsageError: it cannot be put, or another copy of the workspace is at work.
        """
        if not self._settings.mirror:
            return
        step = self._edits.last_step()
        if step == self._step:
            return
        try:
            self._put()
        except CaptionmillError as error:
            raise UsageError(f"the edits are here, but not in the mirror: {error}") from error
        self._step = step

    def _put(self) -> None:
        from pipeline.session.mirror import Mirror
        from pipeline.session.run_mirror import require_ours

        mirror = Mirror(self._settings.mirror, self._settings.engine.storage)
        with Ledger(self._workspace.ledger, read_only=True) as ledger:
            require_ours(mirror, ledger)
        mirror.keep_reviews(self._workspace)
