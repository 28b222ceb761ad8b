"""Signatures are made here by the scheme's own description, not by the SDK that checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest

from pipeline.errors import UsageError
from pipeline.providers.webhooks import Event, InvalidSignature, Verifier
from pipeline.system.secrets import Secret

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "batch.completed", "data": {"id": "batch_1"}}
).encode()


def signed(
    body: bytes = BODY, *, key: bytes = KEY, delivery: str = "wh_1", age: int = 0
) -> dict[str, str]:
    """Headers as https://www.standardwebhooks.com describes them."""
    moment = str(int(time.time()) - age)
    content = b".".join([delivery.encode(), moment.encode(), body])
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": delivery,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{digest}",
    }


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    opened = Verifier(Secret(SECRET))
    yield opened
    opened.close()


def test_what_is_signed_is_read(verifier: Verifier) -> None:
    assert verifier.unwrap(BODY, signed()) == Event("wh_1", "batch.completed", "batch_1")
    headers = {name.title(): value for name, value in signed(age=290).items()}
    assert verifier.unwrap(BODY, headers).subject == "batch_1"


def test_one_of_several_signatures_is_enough(verifier: Verifier) -> None:
    headers = signed()
    headers["webhook-signature"] = "v1,AAAA v1a,BBBB " + headers["webhook-signature"]
    assert verifier.unwrap(BODY, headers).type == "batch.completed"


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: signed(key=b"another key"), "does not match"),
        (lambda: signed(BODY + b" "), "does not match"),
        (lambda: signed(delivery="wh_2") | {"webhook-id": "wh_1"}, "does not match"),
        (lambda: signed() | {"webhook-timestamp": str(int(time.time()) - 7)}, "does not match"),
        (lambda: signed() | {"webhook-signature": ""}, "does not match"),
        (lambda: signed() | {"webhook-signature": "v1,"}, "does not match"),
        (lambda: signed() | {"webhook-signature": "v1,\u00e9"}, "not a webhook"),
        (lambda: signed() | {"webhook-timestamp": "soon"}, "timestamp"),
        (lambda: signed(age=4000), "too old"),
        (lambda: signed(age=-4000), "too new"),
        (lambda: without("webhook-id"), "not a webhook"),
        (lambda: without("webhook-timestamp"), "not a webhook"),
        (lambda: without("webhook-signature"), "not a webhook"),
        (dict, "not a webhook"),
    ],
)
def test_everything_else_is_refused(
    verifier: Verifier, made: Callable[[], dict[str, str]], said: str
) -> None:
    with pytest.raises(InvalidSignature, match=said):
        verifier.unwrap(BODY, made())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{half", b"\xff\xfe", b'{"type": 5}', b'{"data": {}}', b"[" * 100_000, b"null"],
)
def test_a_signed_body_that_says_nothing(verifier: Verifier, body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        verifier.unwrap(body, signed(body))


@pytest.mark.parametrize("data", ["{}", "[]", "null", '{"id": 5}', '"x"'])
def test_an_event_about_nothing(verifier: Verifier, data: str) -> None:
    body = f'{{"type": "batch.failed", "data": {data}}}'.encode()
    assert verifier.unwrap(body, signed(body)) == Event("wh_1", "batch.failed", "")


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("whsec_abc", "is not whole"),
        (SECRET[:-2], "is not whole"),
        (f"{SECRET}\u00e9", "is not whole"),
        ("whsec_", "is too short"),
        ("whsec_YWJj", "is too short"),
        ("", "does not begin with whsec_"),
        (SECRET.removeprefix("whsec_"), "does not begin with whsec_"),
        ("sk-proj-abcdefghijklmnopqrstuvwxyz", "does not begin with whsec_"),
    ],
)
def test_what_cannot_be_a_secret_is_refused(secret: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"{said}: copy it again") as error:
        Verifier(Secret(secret))
    assert "abc" not in str(error.value)


def test_nothing_is_quoted(verifier: Verifier) -> None:
    with pytest.raises(InvalidSignature) as error:
        verifier.unwrap(b"very-private", signed(key=b"x"))
    assert "very-private" not in str(error.value)
