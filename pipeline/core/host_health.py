"""Health of a host that images come from: whether it may be asked, and when.

A host that asks for a pause gets it; one that asks again and again, for a long one, or that gives
no sign of life, is left for another run: what is wanted from it waits, and is not refused.
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.download import LONGEST_WAIT, Failure, refusal

MOST_SILENT_TRIES = 6
"""Tries in a row without any answer (no address, no connection, nothing in time)."""

MOST_FAILING_TRIES = 20
"""Tries in a row that failed in any way that may pass by itself."""

MOST_PAUSES = 7
"""Pauses one after the other without an answer between them."""

_SILENT = frozenset({"dns_error", "tls_error", "connection_error", "timeout"})


class HostHealth(Struct):
    """Answers of one host so far; times are seconds of one clock.

    Attributes:
        closed: why it is not asked again in this run, None while it may be.
            Its `retry_after` is how long a pause the host asked for.
    """

    closed: Failure | None = None
    _rests_until: float = 0.0
    _pauses: int = 0
    _silent: int = 0
    _failing: int = 0

    @property
    def is_well(self) -> bool:
        """Tell whether nothing is to be remembered of it."""
        return self.closed is None and not (self._pauses or self._failing)

    def wait_seconds(self, now: float) -> float:
        """Seconds until the host may be asked again."""
        return max(0.0, self._rests_until - now)

    def answered(self) -> None:
        """Note an answer that is no sign of trouble."""
        self._pauses = self._silent = self._failing = 0

    def asked_for_pause(self, seconds: float | None, first_pause: float, now: float) -> None:
        """Note a refusal that asks for a pause; None: it does not say how long.

        Answers that were under way when the pause began do not lengthen it.
        """
        requested = seconds or 0.0
        if requested > LONGEST_WAIT:
            words = f"the host asks for a pause of {_duration(requested)}"
            self._close("host_busy", words, requested)
        if self.wait_seconds(now) and requested <= self.wait_seconds(now):
            return
        self._pauses += 1
        growing = min(first_pause * 2.0 ** (self._pauses - 1), LONGEST_WAIT)
        self._rests_until = max(self._rests_until, now + max(requested, growing))
        if self._pauses > MOST_PAUSES:
            self._close("host_busy", f"the host asked for {MOST_PAUSES} pauses in a row")

    def failed(self, failure: Failure) -> None:
        """Note a try that failed."""
        silent = failure.rejection.code in _SILENT
        if not (silent or failure.passing):
            self.answered()
            return
        self._silent = self._silent + 1 if silent else 0
        self._failing += 1
        if self._silent >= MOST_SILENT_TRIES or self._failing >= MOST_FAILING_TRIES:
            tries = max(self._silent, self._failing)
            words = f"{tries} tries in a row failed, the last one: {failure.rejection.detail}"
            self._close("host_unreachable", words)

    def _close(self, code: str, words: str, pause: float | None = None) -> None:
        self.closed = self.closed or Failure(refusal(code, words), retry_after=pause)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
