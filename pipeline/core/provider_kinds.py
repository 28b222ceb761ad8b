"""Kinds of providers: the words of `[provider] name`, and what follows from each.

Their services are opened by `pipeline.providers`, which has one line for each `service` here. A
service that another package adds has the words NAME, for batches, and NAME_online.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from msgspec import Struct


class ProviderKind(Struct, frozen=True):
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


_ONLINE = "_online"


def kind_named(name: str) -> ProviderKind:
    """Kind that a checked name other than "auto" means."""
    if name in PROVIDER_KINDS:
        return PROVIDER_KINDS[name]
    service = name.removesuffix(_ONLINE)
    return ProviderKind(name, service, service, online=name != service)


def paid_kind(name: str) -> ProviderKind:
    """Kind whose prices a configured name is about; OpenAI's for "auto" and the local one."""
    kind = OPENAI if name == AUTO else kind_named(name)
    return OPENAI if kind.local else kind


def online_kind(name: str) -> ProviderKind:
    """Kind that asks the same service online."""
    kind = paid_kind(name)
    return kind if kind.online else kind_named(kind.name + _ONLINE)


def checked_name(name: str, added: Callable[[], Collection[str]] = tuple) -> str:
    """Word of `[provider] name`.

    Args:
        added: gives the services of other packages; it is called for a word that is not ours.

    Raises:
        ValueError: it is none; says which there are.
    """
    if name in PROVIDER_NAMES:
        return name
    if name.removesuffix(_ONLINE) in (services := sorted(added())):
        return name
    *others, last = (repr(word) for word in (*PROVIDER_NAMES, *services))
    raise ValueError(f"it should be {', '.join(others)} or {last}")
