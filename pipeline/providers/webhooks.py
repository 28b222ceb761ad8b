"""Webhooks of the service: who signed them, and what they say. The SDK checks the signature.

The scheme is Standard Webhooks (https://www.standardwebhooks.com): headers `webhook-id`,
`webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 over "ID.TIMESTAMP.BODY"; a timestamp
more than five minutes off is refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.system.secrets import Secret

_PREFIX = "whsec_"
_SHORTEST_KEY = 16  # bytes; the scheme asks for 24, and services make 32


class InvalidSignature(Exception):
    """Webhook that is not the service's, not of now, or not whole."""


class Event(Struct, frozen=True):
    """Webhook that the service has signed.

    Attributes:
        delivery: the id of the webhook; the same for each attempt at delivering it.
        type: e.g. "batch.completed".
        subject: the id of what it is about, "" when it names none.
    """

    delivery: str
    type: str
    subject: str


class Verifier:
    """Checks webhooks against the secret of an endpoint."""

    def __init__(self, secret: Secret) -> None:
        """Raises UsageError when the secret cannot be one."""
        import openai

        text = secret.reveal()
        if problem := _secret_problem(text):
            raise UsageError(
                f"the webhook secret {problem}: copy it again, from {_PREFIX} to its end, as the "
                "service showed it when the webhook was made"
            )
        self._secret = text
        # the key is of no use here, but the SDK wants one
        self._client = openai.OpenAI(api_key="unused", webhook_secret=text)

    def unwrap(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Event in a webhook.

        Raises:
            InvalidSignature: it is not the service's; says why, without quoting it.
        """
        import openai

        try:
            self._client.webhooks.unwrap(body, dict(headers), secret=self._secret)
            parsed = json.loads(body)
        except openai.InvalidWebhookSignatureError as error:
            raise InvalidSignature(str(error)) from None
        except (ValueError, TypeError, RecursionError):
            # a missing header, an odd one, or a signed body that is no JSON
            raise InvalidSignature("not a webhook") from None
        if not isinstance(parsed, dict) or not isinstance(parsed.get("type"), str):
            raise InvalidSignature("not a webhook")
        data = parsed.get("data")
        subject = data.get("id") if isinstance(data, dict) else None
        delivery = next(v for name, v in headers.items() if name.lower() == "webhook-id")
        return Event(delivery, parsed["type"], subject if isinstance(subject, str) else "")

    def close(self) -> None:
        """Close the SDK's client."""
        self._client.close()


def _secret_problem(text: str) -> str:
    """Say why no service signs with a secret, "" when one may."""
    if not text.startswith(_PREFIX):
        return f"does not begin with {_PREFIX}"
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        return "is not whole"
    return "is too short" if len(key) < _SHORTEST_KEY else ""
