"""One error tree. A user sees the message and the exit code, never a traceback.

    CaptionmillError                     exit
    |- UsageError                         2   bad argument, config, manifest, key or provider choice
    |  `- ConfigError                         the configuration, before any command begins
    |- OverBudget                         4   something stays pending because the cap is reached
    |- NeedsPerson                        5   ambiguous create, quota, billing, refused key
    |  `- NotConfirmed                        nobody said yes to a price
    |- CostAnomaly                        6   a line cost more than was reserved for it
    |- StorageError                       7   disk full, read-only, fsync failed, no room
    |- BooksError                         8   rows, files and ledger do not agree
    |- ServiceError                       9   the service cannot be reached or answers nonsense
    |  |- DefiniteRefusal                     the request certainly had no effect
    |  |- Ambiguous                           the request may have had an effect
    |  |- PauseTooLong                        a pause that nobody waits for
    |  |- NoWorkers                           no worker of the cluster prepares images
    |  `- NotFound                            the service does not know the object
    |- NothingCaptioned                  10   nothing that was due got a caption, or images are lost
    |- AuditFailed                       11   an audit has findings that it was told to fail for
    |- Busy                              75   another run holds the workspace
    `- Interrupted                      130   stopped by a person or the system

Exit 0 means done, 3 means work is still pending at the service, 70 is a bug in captionmill.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

NOT_ON_WINDOWS = (
    "captionmill runs on Linux and macOS; on Windows use WSL, a Linux inside of it: "
    "'wsl --install' in a terminal, then install captionmill there "
    "(https://learn.microsoft.com/windows/wsl/install)"
)
"""Sentence for Windows, where locks, limits and signals of this program are not there."""

EXIT_DONE = 0
EXIT_PENDING = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class CaptionmillError(Exception):
    """Base of everything that is shown to a user as one clear message.

    Attributes:
        topic: of `captionmill help`, where it says what can be done.
    """

    exit_code = 1
    topic = "start"


class UsageError(CaptionmillError):
    """Request of the user that cannot be done as it stands."""

    exit_code = 2


class ConfigError(UsageError):
    """Configuration that cannot be used, whatever command it was for."""

    topic = "configuration"


class OverBudget(CaptionmillError):
    """Refusal of a reservation that would pass a cap."""

    exit_code = 4
    topic = "budget"


class NeedsPerson(CaptionmillError):
    """Only a person can decide or repair this."""

    exit_code = 5
    topic = "service"


class NotConfirmed(NeedsPerson):
    """Price that nobody said yes to."""

    topic = "budget"


class CostAnomaly(CaptionmillError):
    """Charge of a line above its reservation; submission is frozen."""

    exit_code = 6
    topic = "budget"


class StorageError(CaptionmillError):
    """Local file could not be written durably or read back."""

    exit_code = 7
    topic = "workspace"


class BooksError(CaptionmillError):
    """Ledger, the files and the rows contradict each other."""

    exit_code = 8
    topic = "workspace"


class ServiceError(CaptionmillError):
    """Failure of the captioning service.

    Attributes:
        status: HTTP status, or None when no answer came.
        code: the service's own error code, or None.
        retry_after: seconds the service asked us to wait, or None.
    """

    exit_code = 9
    topic = "service"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class DefiniteRefusal(ServiceError):
    """Answer that proves the request had no effect (4xx, 429)."""


class PauseTooLong(ServiceError):
    """Pause asked for by the service that is too long to wait: another run goes on."""


class NoWorkers(ServiceError):
    """Cluster that cannot be reached, or on which nothing is prepared."""

    topic = "cluster"


class Ambiguous(ServiceError):
    """No usable answer: the request may or may not have taken effect."""


class NotFound(ServiceError):
    """Service answered 404 for an object."""


class NothingCaptioned(CaptionmillError):
    """Images were due and none of them got a caption, or a source has lost its images.

    The weakest of all: what is pending, and every other error, decides before it.
    """

    exit_code = 10
    topic = "outcomes"


class AuditFailed(CaptionmillError):
    """Findings of an audit that somebody wants to hear of by the exit code."""

    exit_code = 11
    topic = "outcomes"


class Busy(CaptionmillError):
    """Another process holds the workspace lock."""

    exit_code = 75
    topic = "workspace"


class Interrupted(CaptionmillError):
    """SIGINT or SIGTERM: stopped between transactions."""

    exit_code = EXIT_INTERRUPTED
    topic = "service"


@contextmanager
def about(topic: str) -> Iterator[None]:
    """Name the topic of an error of the user that has none of its own."""
    try:
        yield
    except UsageError as error:
        if error.topic == UsageError.topic:
            error.topic = topic
        raise


# what decides the exit code when several things went wrong
_GRAVEST_FIRST = (CostAnomaly, BooksError, StorageError, NeedsPerson, OverBudget)


def graver(one: CaptionmillError | None, other: CaptionmillError) -> CaptionmillError:
    """Error that decides the exit code: money before people before the rest, and `one`, which
    came first, among equals."""
    return one if one is not None and _gravity(one) <= _gravity(other) else other


def _gravity(error: CaptionmillError) -> int:
    ranks = (rank for rank, kind in enumerate(_GRAVEST_FIRST) if isinstance(error, kind))
    return next(ranks, len(_GRAVEST_FIRST) + isinstance(error, NothingCaptioned))


# the service does not have what was asked for, and will not have it later: RFC 9110, 15.5 and 15.6
_LASTING = frozenset({404, 405, 410, 501})


def is_outage(error: CaptionmillError | None) -> bool:
    """Recognise an error of the service that passes, and does not say when to come back."""
    if not isinstance(error, ServiceError) or isinstance(error, (NeedsPerson, PauseTooLong)):
        return False
    return error.status not in _LASTING


def passes_by_itself(error: CaptionmillError | None) -> bool:
    """Tell whether a later try may do what this one could not, without anybody's help."""
    return isinstance(error, (ServiceError, StorageError)) and not isinstance(error, NeedsPerson)
