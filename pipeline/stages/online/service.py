"""Online service as the dispatcher sees it (providers/openai_online.py is one)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class OnlineReply(Protocol):
    """Answer about one request."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """As it came."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer."""
        ...

    @property
    def request_id(self) -> str | None:
        """Service's id of the request."""
        ...


class OnlineService(Protocol):
    """Service that answers one request at a time."""

    async def ask(self, body: Mapping[str, Any]) -> OnlineReply:
        """Send one request; raises what pipeline.errors says about it."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
