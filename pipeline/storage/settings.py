"""Settings of storage, picklable: they hold no secret, and make readers anew in any process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Settings of storage. Keys are never among them: each process finds them in its environment.

    Attributes:
        endpoint: address of an S3-compatible service, None for the provider's own.
        region: None takes what the environment or the profile says.
        anonymous: requests are not signed.
        allow_http: an endpoint without TLS may be asked.
        retries: of a request that was answered with 5xx, or cut off.
        read_ahead: objects that are read at the same time.
        spool_bytes: bytes that wait here to be prepared.
    """

    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    allow_http: bool = False
    retries: int = 8
    read_ahead: int = 16
    spool_bytes: int = 256 << 20
