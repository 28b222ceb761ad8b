"""Worker that starts soon after the last of several calls, never twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pipeline.errors import Busy, CaptionmillError, passes_by_itself

_LONGEST = 12  # quiet times that further calls can put the work off
_MOST_DOUBLINGS = 20  # of a pause; the longest one is reached long before


class Debouncer:
    """Does `work` in a thread of its own after `wake`, once things have been quiet for a while.

    A workspace that is busy is tried again, and so is an error that passes by itself, after pauses
    that double; a call ends the pause. Other errors are shown, and the next call is awaited.
    """

    def __init__(
        self,
        work: Callable[[], None],
        say: Callable[[str], None],
        *,
        quiet: float,
        busy: float = 30.0,
        longest: float = 600.0,
    ) -> None:
        """Prepare it.

        Args:
            quiet: seconds without a further call before the work begins.
            busy: seconds until a busy workspace is tried again, and the first pause after an error.
            longest: seconds of the longest pause after an error.
        """
        self._work, self._say = work, say
        self._quiet, self._busy, self._longest = quiet, busy, longest
        self._called = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="debouncer", daemon=True)

    def start(self) -> None:
        """Begin to wait for calls."""
        self._thread.start()

    def wake(self) -> None:
        """Ask for the work to be done, soon."""
        self._called.set()

    def stop(self) -> None:
        """Finish the work at hand and end the thread."""
        self._stopped.set()
        self._called.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while True:
            self._called.wait()
            self._settle_down()
            if self._stopped.is_set():
                return
            try:
                self._work()
                failures = 0
            except Busy:
                self._again_after(self._busy)
            except CaptionmillError as error:
                if not passes_by_itself(error):
                    self._say(str(error))
                    continue
                pause = min(self._busy * 2**failures, self._longest)
                failures = min(failures + 1, _MOST_DOUBLINGS)
                self._say(f"{error}; next try in {pause:.0f} s")
                self._again_after(pause)
            except Exception as error:  # noqa: BLE001 - the next call must find somebody awake
                self._say(f"a bug in captionmill: {type(error).__name__}: {error}; see the log")

    def _again_after(self, seconds: float) -> None:
        """Ask for the work again after a pause, or when somebody calls: there is news then."""
        self._called.wait(seconds)
        self._called.set()

    def _settle_down(self) -> None:
        """Wait until no call has come for a while; later calls wake again."""
        for _ in range(_LONGEST):
            self._called.clear()
            if self._stopped.is_set() or not self._called.wait(self._quiet):
                break
        self._called.clear()
