"""Services that caption the images: a registry behind small Protocols.

    base             what stages ask of a service, and how one is reached
    openai_batch     files and batches        openai_online    single requests and streams
    sdk              the official SDK below both, its errors as ours
    refusals         what an HTTP refusal means        normalise, paging, transfer    its answers
    address_check    that a service is at its address, before an image goes there
    offline          no service               webhooks         who signed what
    models, models.toml                       what is known of models
    prices                                    what a model costs
    price_supplement, prices.toml             what one costs that the package does not know yet

A new service is one file here, one line in `SERVICES`, one row in `core.provider_kinds` and,
where it has shapes of its own, one `WireFormat`; of another package it is an entry point in
`captionmill.providers` that names its `ProviderEntry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from pipeline.core.provider_kinds import LOCAL, OPENAI
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.errors import UsageError
from pipeline.providers.base import OPENAI as OPENAI_URL
from pipeline.system import plugins

if TYPE_CHECKING:
    from pipeline.providers.base import BatchOptions, BatchService, OnlineService, SingleService


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """Entry of one service; opening it imports its SDK and makes no call.

    Attributes:
        batches: files and batches.
        online: many single requests at once, of that many connections; None where there are none.
        single: one request or one stream, for callers that wait; None as above.
        wire_format: its requests, answers and token rules.
        base_url: its address where none is configured.
        base_url_variable: of the environment, which may hold another one; "" for none.
    """

    batches: Callable[[BatchOptions], BatchService]
    online: Callable[[BatchOptions, int], OnlineService] | None = None
    single: Callable[[BatchOptions], SingleService] | None = None
    wire_format: WireFormat = OPENAI_FORMAT
    base_url: str = OPENAI_URL
    base_url_variable: str = "OPENAI_BASE_URL"


def _openai_batches(options: BatchOptions) -> BatchService:
    from pipeline.providers.openai_batch import OpenAIBatches

    return OpenAIBatches(options)


def _openai_online(options: BatchOptions, connections: int) -> OnlineService:
    from pipeline.providers.openai_online import OpenAIOnline

    return OpenAIOnline(options, connections)


def _openai_single(options: BatchOptions) -> SingleService:
    from pipeline.providers.openai_online import OpenAIAsk

    return OpenAIAsk(options)


_OPENAI = ProviderEntry(_openai_batches, _openai_online, _openai_single)

SERVICES: Mapping[str, ProviderEntry] = {
    OPENAI.service: _OPENAI,
    LOCAL.service: _OPENAI,  # the built-in server speaks the same protocol
}


def online_of(service: str) -> Callable[[BatchOptions, int], OnlineService]:
    """Opener of a service's many single requests.

    Raises:
        UsageError: it takes batches only.
    """
    return provider_of(service).online or _refuse_single(service)


def single_of(service: str) -> Callable[[BatchOptions], SingleService]:
    """Opener of a service's requests one by one.

    Raises:
        UsageError: it takes batches only.
    """
    return provider_of(service).single or _refuse_single(service)


def _refuse_single(service: str) -> NoReturn:
    raise UsageError(
        f"{service} takes batches only, no single requests: 'captionmill run DATA --limit 20' "
        "tries it on a few images"
    )


def provider_of(service: str) -> ProviderEntry:
    """Entry of a service, ours or one that another package adds.

    Raises:
        UsageError: there is none, as its package was removed, or it cannot be loaded.
    """
    if service in SERVICES:
        return SERVICES[service]
    added = plugins.plugins(plugins.PROVIDERS).get(service)
    if added is None:
        raise UsageError(f"no installed package has the service {service!r}: install its package")
    entry: ProviderEntry = plugins.load_plugin(added)
    return entry
