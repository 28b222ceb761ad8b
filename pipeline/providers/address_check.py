"""Check that a service answers at `base_url`, before an image is sent there.

The commonest mistake is an address without /v1, or with it twice. A list of models tells; where
there is none, a request without a picture does.
"""

from __future__ import annotations

import json

from pipeline.core.service_words import DETAIL_MEMBER, REPLY_MEMBERS
from pipeline.errors import DefiniteRefusal, NeedsPerson, ServiceError
from pipeline.providers.base import AddressRefusal, BatchOptions
from pipeline.providers.openai_online import OpenAIAsk, WebPage

_ANSWERS = (*REPLY_MEMBERS, "error", DETAIL_MEMBER, "message")  # any of them in an answer of one


def check_address(options: BatchOptions, model: str) -> None:
    """Raise AddressRefusal where nothing takes requests at the address.

    Whatever else goes wrong says nothing about the address: the run itself will meet it.
    """
    if _lists_models(options):
        return
    service = OpenAIAsk(options)
    limit, content = (
        ("max_output_tokens", "input")
        if options.endpoint == "/v1/responses"
        else ("max_tokens", "messages")
    )
    try:
        reply = service.ask({"model": model, content: [], limit: 16})
    except AddressRefusal:
        raise
    except WebPage as error:
        raise AddressRefusal(str(error)) from None
    except (DefiniteRefusal, ServiceError, NeedsPerson):
        return
    finally:
        service.close()
    if reply.status == 200 and not _has(reply.body, _ANSWERS):
        raise AddressRefusal(
            "what answers is no service that captions: it takes a request without a word; "
            + options.address_advice()
        )


def _lists_models(options: BatchOptions) -> bool:
    """Tell whether a service of the protocol answers the request for its models."""
    from pipeline.providers import sdk

    client, _ = sdk.open_clients(options)
    try:
        answer = client.models.with_raw_response.list()
        return _has(answer.content, ("data", "models"))
    except sdk.FOREIGN as error:
        response = getattr(error, "response", None)
        # an error in the protocol's own form comes from a service, whatever it is about
        return response is not None and _has(response.content, ("error",))
    finally:
        client.close()


def _has(body: bytes, keys: tuple[str, ...]) -> bool:
    """Tell whether a body is a JSON object with one of the keys."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and any(key in value for key in keys)
