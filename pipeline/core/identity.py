"""Identities of specs, works and requests: the hashes that decide what has been paid for.

spec_id   everything that shapes an answer, as canonical JSON
work_key  content_id + spec_id + the rendered prompt: "already paid" is decided by this alone
custom_id work_key and attempt, so that any output file can be read without a ledger
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_KEY_BYTES = 32
_PREFIX = "cm"
_ATTEMPTS = range(1, 1_000_000)
_BOUNDS = "a work key has 32 bytes and attempts count from 1"
# 32 bytes as base64url without padding (of the last character's bits two are spare, and zero),
# then the attempt without leading zeros
_OURS = re.compile(rf"{_PREFIX}-([A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048])-([1-9][0-9]{{0,5}})")


def canonical_json(value: Mapping[str, object]) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(value: Mapping[str, object]) -> bytes:
    """SHA-256 (32 bytes) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).digest()


def work_key(content_id: bytes, spec_id: bytes, prompt: str) -> bytes:
    """Identity of one payment, 32 bytes.

    Lengths are fixed before the free text, so no two different triples share an encoding.
    """
    if len(content_id) != _KEY_BYTES or len(spec_id) != _KEY_BYTES:
        raise ValueError("content_id and spec_id are 32 bytes each")
    digest = hashlib.sha256(b"captionmill.work.1\0" + content_id + spec_id)
    digest.update(prompt.encode("utf-8", "surrogatepass"))
    return digest.digest()


class WorkAttempt(NamedTuple):
    """Content of a custom_id: a work, and an attempt at it (1, 2, ...)."""

    work_key: bytes
    attempt: int


def custom_id(key: bytes, attempt: int) -> str:
    """Id of a request: at most 64 characters of [A-Za-z0-9_-], the form that services take."""
    if len(key) != _KEY_BYTES or attempt not in _ATTEMPTS:
        raise ValueError(_BOUNDS)
    text = base64.urlsafe_b64encode(key).rstrip(b"=").decode("ascii")
    return f"{_PREFIX}-{text}-{attempt}"


def custom_ids(keys: Sequence[bytes], attempts: Sequence[int]) -> list[str]:
    """Ids of many requests, as `custom_id` gives each."""
    if len({*attempts}) == 1:
        text = joined_custom_ids(keys, attempts[0])
        length = len(text) // len(keys)
        return [text[start : start + length] for start in range(0, len(text), length)]
    return [
        f"{_PREFIX}-{name.decode()}-{attempt}"
        for name, attempt in zip(_names(keys, attempts), attempts, strict=True)
    ]


def joined_custom_ids(keys: Sequence[bytes], attempt: int) -> str:
    """Ids of many requests with one attempt as one text: they have one length."""
    start, end = f"{_PREFIX}-".encode(), f"-{attempt}".encode()
    return b"".join([start, (end + start).join(_names(keys, [attempt])), end]).decode()


def _names(keys: Sequence[bytes], attempts: Sequence[int]) -> Sequence[bytes]:
    """Base64 of each key: of all in one text, each filled up to 33 bytes, whose base64 is that of
    the key and one character more."""
    import pybase64  # what knows all its images makes no ids

    if {*map(len, keys)} - {_KEY_BYTES} or not all(one in _ATTEMPTS for one in {*attempts}):
        raise ValueError(_BOUNDS)
    text = pybase64.urlsafe_b64encode(b"\0".join([*keys, b""]))
    return struct.unpack("43sx" * len(keys), text)


def parse_custom_id(text: str) -> WorkAttempt | None:
    """Inverse of `custom_id`; None for anything that we did not make."""
    match = _OURS.fullmatch(text)
    if match is None:
        return None
    return WorkAttempt(base64.urlsafe_b64decode(match[1] + "="), int(match[2]))


ANSWER_FILE = "file-"
"""Start of the id of a batch that is a file of answers from wherever, listed by no service."""

_OWN_BATCHES = ("online-", ANSWER_FILE, "~")  # how ids of groups and of files of answers begin


def ledger_batch_id(service_id: str) -> str:
    """Id of a service's batch in the ledger: as it is, unless it looks like one of our own groups
    of online requests or files of answers, which no service is asked about."""
    text = service_id.encode("utf-8", "replace").decode()
    return f"~{text}" if text.startswith(_OWN_BATCHES) else text


def service_batch_id(ledger_id: str) -> str:
    """Id of a batch at the service, from the ledger's id."""
    return ledger_id.removeprefix("~")
