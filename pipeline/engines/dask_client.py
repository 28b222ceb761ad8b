"""Client of a dask cluster: connecting to a scheduler, and what its exceptions mean."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pipeline.engines.handshake import PROBE, difference, own_versions
from pipeline.engines.nodes import Chunk, ChunkEvent, ChunkFailed, EventKind
from pipeline.errors import NoWorkers, UsageError

if TYPE_CHECKING:
    from distributed import Client, Future

Listing = Mapping[str, Mapping[str, Any]]
"""Workers as a scheduler lists them, by address."""

_CLOSE_SECONDS = 5.0
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")


class ClusterOptions(Struct, frozen=True):
    """Way to a cluster.

    Attributes:
        address: of the scheduler, tcp:// or tls://.
        tls_ca, tls_cert, tls_key: PEM files; None without TLS.
        chunk_seconds: of work that a chunk should be.
        patience: seconds without any answer after which a run ends.
        attempts: see `ChunkEngine`.
    """

    address: str
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    chunk_seconds: float = 2.0
    patience: float = 600.0
    attempts: int = 3


def connect(options: ClusterOptions, seconds: float) -> Client:
    """Connect to a scheduler within so many seconds, and compare its versions with ours.

    Raises:
        NoWorkers: it does not answer.
        UsageError: it is of another version, or the packages or files for it are not here.
    """
    client_class, address = _imported_client(), options.address
    unreachable: tuple[type[BaseException], ...] = (*lost_errors(), RuntimeError)
    try:
        client = client_class(
            address,
            timeout=seconds,
            security=_security(options),
            direct_to_workers=True,
            set_as_default=False,
            name=f"captionmill-{uuid.uuid4().hex[:8]}",
        )
    except unreachable as error:
        raise NoWorkers(
            f"no scheduler answers at {address} ({_first_line(error)}): start one with "
            "'dask scheduler', or correct [engine] address"
        ) from error
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the scheduler at {address} cannot be used: {_first_line(error)}"
        ) from error
    try:
        theirs: object = client.run_on_scheduler(eval, PROBE)
    except Exception as error:  # noqa: BLE001 (whatever another version answers)
        theirs = error
    if why := difference(own_versions(), theirs):
        leave(client)
        raise UsageError(f"the scheduler at {address} cannot be used: {why}")
    return client


def leave(client: Client) -> None:
    """Close a client, whether its scheduler is still there or not."""
    with contextlib.suppress(*lost_errors()):
        client.close(timeout=_CLOSE_SECONDS)


def list_workers(client: Client) -> Listing:
    """Ask the scheduler for its workers, in a thread of its own."""
    listed: Listing = client.scheduler_info(n_workers=-1)["workers"]
    return listed


def failure(chunk: Chunk, error: BaseException) -> ChunkEvent:
    """Event for an exception of a task; a worker that is gone is no fault of an image."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return ChunkEvent(chunk, "killed")
    if isinstance(error, lost_errors()):
        return ChunkEvent(chunk, "lost")
    if isinstance(error, ChunkFailed):
        kind: EventKind = "refused" if error.refused else "failed"
        return ChunkEvent(chunk, kind, worker=error.worker, words=error.words)
    return ChunkEvent(chunk, "failed", words=f"{type(error).__name__}: {_first_line(error)}")


def exception_of(future: Future[bytes]) -> BaseException:
    """Exception of a task that failed."""
    try:
        error = future.exception(timeout=_CLOSE_SECONDS)
    except Exception as problem:  # noqa: BLE001 (an exception that cannot be unpickled raises here)
        return problem
    return error if isinstance(error, BaseException) else TimeoutError()


def lost_errors() -> tuple[type[BaseException], ...]:
    """Exceptions that say that a task, a worker or the scheduler is gone."""
    from concurrent.futures import CancelledError

    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    return OSError, TimeoutError, CancelledError, FutureCancelledError, CommClosedError


def _imported_client() -> type[Client]:
    """Class of dask's clients, with its loggers silenced: we report what matters.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        from distributed import Client as client_class
    except ImportError as error:
        raise UsageError(
            f'a cluster needs packages that are not installed: pip install "captionmill[cluster]" '
            f"({error.name})"
        ) from error
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return client_class  # type: ignore[no-any-return]


def _security(options: ClusterOptions) -> Any:
    """TLS settings of dask, None without.

    Raises:
        UsageError: a file cannot be read.
    """
    files = [options.tls_ca, options.tls_cert, options.tls_key]
    if not any(files):
        return None
    from distributed.security import Security

    for path in filter(None, files):
        if not path.is_file():
            raise UsageError(f"there is no file {path}, which [engine] names for TLS")
    ca, cert, key = (str(path) if path else None for path in files)
    return Security(
        tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key, require_encryption=True
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
