"""Kinds of providers: the words of `[provider] name`, and what follows from each.

Their services are opened by `pipeline.providers`, which has one line for each `service` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One way to have images captioned.

    Attributes:
        name: as configured.
        service: who captions, in workspaces, identities and tables; shared by kinds that differ
            in how they ask.
        title: the service as people call it.
        online: requests are answered at once instead of in batches.
        local: built in, free, without a key.
    """

    name: str
    service: str
    title: str
    online: bool = False
    local: bool = False


AUTO = "auto"
"""The default kind where there is a key, else the local one."""

OPENAI = ProviderKind("openai", "openai", "OpenAI")
OPENAI_ONLINE = ProviderKind("openai_online", "openai", "OpenAI", online=True)
LOCAL = ProviderKind("local", "local", "the local model", local=True)

PROVIDER_KINDS: Mapping[str, ProviderKind] = {
    kind.name: kind for kind in (OPENAI, OPENAI_ONLINE, LOCAL)
}
PROVIDER_NAMES = (AUTO, *PROVIDER_KINDS)


def paid_kind(name: str) -> ProviderKind:
    """Kind whose prices a configured name is about; OpenAI's for "auto" and the local one."""
    kind = PROVIDER_KINDS.get(name, OPENAI)
    return OPENAI if kind.local else kind


def online_kind(name: str) -> ProviderKind:
    """Kind that asks the same service online.

    Raises:
        StopIteration: the service is never asked online.
    """
    service = paid_kind(name).service
    return next(k for k in PROVIDER_KINDS.values() if k.service == service and k.online)


def checked_name(name: str) -> str:
    """Word of `[provider] name`.

    Raises:
        ValueError: it is none; says which there are.
    """
    if name not in PROVIDER_NAMES:
        *others, last = (repr(word) for word in PROVIDER_NAMES)
        raise ValueError(f"it should be {', '.join(others)} or {last}")
    return name
