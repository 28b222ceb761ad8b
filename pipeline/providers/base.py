"""Protocols of a service, for batches and for single requests, and how one is configured."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipeline.core.dialects import OPENAI_DIALECT, Dialect
from pipeline.errors import DefiniteRefusal, NeedsPerson, ServiceError, UsageError
from pipeline.records import RemoteBatch, RemoteFile
from pipeline.system.secrets import Secret, redact

OPENAI = "https://api.openai.com/v1"


ELSEWHERE = frozenset({*range(301, 309), 404, 405})
"""HTTP statuses of addresses where nobody takes requests."""


class AddressRefusal(NeedsPerson, DefiniteRefusal):
    """Refusal by an address where nothing takes requests: no effect, and a person must act."""


class AccountRefusal(NeedsPerson, DefiniteRefusal):
    """Account, its credits or its key was refused: no effect, and a person must act.

    Raised only for answers that prove that nothing happened, so that a caller may treat it as the
    DefiniteRefusal it is; its exit code is that of NeedsPerson. `code` is the service's.
    """


class FileTooLarge(ServiceError):
    """File of a service that is larger than the requests can explain."""


class ShortDownload(ServiceError):
    """File that came in whole lines and with fewer bytes than the service says: it is cut off, or
    the service says a wrong number. Its lines decide."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds.

    Attributes:
        connect: to reach the service.
        silence: between two pieces of an answer or of an upload.
        answer: for the whole body of a small answer, however slowly it drips.
        transfer: for a whole upload, and for a whole download.
    """

    connect: float = 20.0
    silence: float = 120.0
    answer: float = 300.0
    transfer: float = 3600.0

    def __post_init__(self) -> None:
        if min(self.connect, self.silence, self.answer, self.transfer) <= 0:
            raise UsageError("timeouts are seconds above 0")


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Options that reach a service which speaks OpenAI's Files and Batches.

    Attributes:
        api_key: sent as a bearer token.
        base_url: up to and with "/v1".
        organization, project: sent as headers when given. The environment is not read for them.
        endpoint: what each line of a batch calls, e.g. "/v1/chat/completions".
        completion_window: "24h" at OpenAI; other services know others.
        batch_purpose: `purpose` of an upload: "batch", at Together "batch-api".
        dialect: how uploads and lists are had.
        upload_expires_after: seconds after which the service deletes an upload by itself
            (3600..2592000 at OpenAI), None for services that do not know this field.
        read_retries: how often a read (never a write) is tried again.
        extra_headers: sent with every call.
        extra_body: further fields of the create call.
    """

    api_key: Secret
    base_url: str = OPENAI
    organization: str | None = None
    project: str | None = None
    endpoint: str = "/v1/chat/completions"
    completion_window: str = "24h"
    batch_purpose: str = "batch"
    dialect: Dialect = OPENAI_DIALECT
    upload_expires_after: int | None = 2_592_000
    timeouts: Timeouts = Timeouts()
    read_retries: int = 2
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"base_url {self.base_url!r} is not an http(s) address of a service")
        if parts.username or parts.password:
            raise UsageError("base_url contains a user name or password: use the API key instead")
        if parts.query or parts.fragment:
            raise UsageError("base_url ends before any '?' or '#': give it up to '/v1'")
        for name, value in self.extra_headers.items():
            if not (f"{name}{value}".isascii() and f"{name}{value}".isprintable()):
                raise UsageError(f"the extra header {name!r} cannot be sent: printable ASCII only")

    @property
    def loopback(self) -> bool:
        """Tell whether the service is on this machine: then proxies are not for it."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def address_advice(self) -> str:
        """Words about an address where no service answers."""
        base = redact(self.base_url, self.secrets())
        path = base.rstrip("/")
        if path.endswith("/v1/v1"):
            return f"check base_url {base}, which has /v1 twice"
        if not path.endswith("/v1"):
            return f"check base_url {base}, which may lack /v1"
        return f"check base_url {base}: it is the service's address up to and with /v1"

    def secrets(self) -> tuple[str, ...]:
        """Every text that must never be shown: the key, and the values of extra headers."""
        return (self.api_key.reveal(), *(v for v in self.extra_headers.values() if len(v) >= 8))


class BatchService(Protocol):
    """Files and batches of one account.

    Every error is one of pipeline.errors: ServiceError when the service cannot be reached or
    answers nonsense, NotFound for an object it does not know, AccountRefusal when a person must
    act. Calls that change something raise DefiniteRefusal only when there certainly was no
    effect, else Ambiguous. Messages never contain a key.
    """

    def upload(self, path: Path, filename: str) -> RemoteFile:
        """Send `path` as `filename` (must end in ".jsonl"), streamed from disk, once."""
        ...

    def find_uploads(self, filename: str) -> list[RemoteFile]:
        """Find all our uploads of that name; every page is read or it raises."""
        ...

    def list_uploads(self) -> Iterator[RemoteFile]:
        """List all files uploaded for batches; every page is read or it raises."""
        ...

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """Call that costs money: one POST, not repeated, no redirect followed."""
        ...

    def get(self, batch_id: str) -> RemoteBatch:
        """Fetch the batch as it is now."""
        ...

    def list_batches(self) -> Iterator[RemoteBatch]:
        """List all batches of the account; every page is read or it raises."""
        ...

    def time(self) -> int | None:
        """Time of the service's own clock at its last answer, epoch seconds; None where it did not
        say."""
        ...

    def cancel(self, batch_id: str) -> RemoteBatch:
        """Ask for the end of a batch; what is done stays, and is delivered and paid."""
        ...

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        """Write a file's bytes to `to`, fsynced; gives their number. Raises when cut off, and
        FileTooLarge for more than `most` bytes."""
        ...

    def delete_file(self, file_id: str) -> None:
        """Delete a file at the service; one that is not there is fine."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class AddressedService(BatchService, Protocol):
    """Batch service that says how it is reached, so that single requests can go there too."""

    @property
    def options(self) -> BatchOptions:
        """Options that reach the service."""
        ...


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Reply to one request: HTTP 200, or a 4xx that proves that nothing was billed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """Service's id of the request."""
        return self.headers.get("x-request-id")


class OnlineService(Protocol):
    """Single requests, many at once.

    Answers about one request are an HttpReply, also a refusal of its image. Every error is one of
    pipeline.errors: AccountRefusal and other NeedsPerson for a person, DefiniteRefusal for requests
    that had no effect and may go again, Ambiguous for those that may have been billed.
    """

    async def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request, once, and wait for its answer."""
        ...

    async def read(self, response_id: str) -> HttpReply:
        """Read a background response, or raise NotFound."""
        ...

    async def cancel(self, response_id: str) -> None:
        """Cancel a background response that is not over."""
        ...

    async def delete(self, response_id: str) -> None:
        """Delete a response that the service stores."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class SingleService(Protocol):
    """One request at a time, for callers that wait. Replies and errors are those of
    OnlineService."""

    def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request, once, and wait for its answer."""
        ...

    def stream(self, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Send one request, once; gives the answer's bytes as they come."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
