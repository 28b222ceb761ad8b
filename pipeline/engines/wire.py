"""Messages between a worker and its parent.

A decoder taken over by a hostile image owns its worker. So the parent never unpickles what a
worker says: answers are MessagePack of fixed types and raw bytes, checked field by field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import orjson
from msgspec import Struct

from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection

LONGEST_MESSAGE = 64 << 20
"""Bytes of one message that is accepted."""

READY = b"ready"
"""A worker's first message when it could start; anything else says why it could not."""

_PREFIX = 4  # bytes that hold the length of the part before the raw bytes
_Identity = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class _PreparedHead(msgspec.Struct, array_like=True, tag="P", gc=False):
    """`PreparedImage` but for its base64, in its order."""

    source_id: _Identity
    content_id: _Identity
    source_format: str
    source_width: int
    source_height: int
    width: int
    height: int
    media_type: str
    flags: tuple[str, ...]
    perceptual_hash: bytes | None
    sharpness: int


class _KnownHead(msgspec.Struct, array_like=True, tag="K", gc=False):
    source_id: _Identity


class _RejectedHead(msgspec.Struct, array_like=True, tag="R", gc=False):
    source_id: _Identity | None
    code: str
    detail: str
    source_format: str | None
    source_width: int | None
    source_height: int | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_PreparedHead | _KnownHead | _RejectedHead).decode


def encode_jobs(paths: Iterable[bytes]) -> bytes:
    """Paths for a worker, as the system has them; any bytes but NUL may be in a path."""
    return b"\0".join(paths)


def decode_jobs(message: bytes) -> list[str]:
    """Paths of a message of `encode_jobs`."""
    return [os.fsdecode(part) for part in message.split(b"\0")]


def encode_answer(answer: Prepared) -> tuple[bytes, bytes]:
    """One answer as one message in two parts, to be sent one after the other."""
    if isinstance(answer, PreparedImage):
        head = _PreparedHead(
            answer.source_id, answer.content_id, answer.source_format, answer.source_width,
            answer.source_height, answer.width, answer.height, answer.media_type, answer.flags,
            answer.perceptual_hash, answer.sharpness,
        )  # fmt: skip
        return _with_length(_encode(head)), answer.base64
    if isinstance(answer, KnownImage):
        return _with_length(_encode(_KnownHead(answer.source_id))), b""
    refused = _RejectedHead(
        answer.source_id, answer.rejection.code, answer.rejection.detail, answer.source_format,
        answer.source_width, answer.source_height,
    )  # fmt: skip
    return _with_length(_encode(refused)), b""


def decode_answer(message: bytes | memoryview) -> Prepared:
    """Inverse of `encode_answer`, from both parts as one.

    Raises:
        ValueError: this is no answer.
    """
    length = int.from_bytes(message[:_PREFIX], "big")
    try:
        head = _decode(message[_PREFIX : _PREFIX + length])
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"a worker's answer makes no sense: {error}") from error
    if isinstance(head, _PreparedHead):
        return PreparedImage(
            head.source_id, head.content_id, head.source_format, head.source_width,
            head.source_height, head.width, head.height, head.media_type,
            bytes(message[_PREFIX + length :]), head.flags, head.perceptual_hash, head.sharpness,
        )  # fmt: skip
    if isinstance(head, _KnownHead):
        return KnownImage(head.source_id)
    rejection = Rejection(head.code, head.detail)
    return RejectedImage(
        head.source_id, rejection, head.source_format, head.source_width, head.source_height
    )


class ChunkAnswer(Struct, frozen=True):
    """Answers to the first images of a chunk, at least to one.

    Attributes:
        worker: address of the node that prepared them.
        seconds: that it took.
    """

    worker: str
    seconds: float
    answers: list[Prepared]


def encode_chunk(worker: str, seconds: float, messages: Sequence[bytes]) -> bytes:
    """Answers to a chunk as one message; `messages` as `encode_answer` makes them, joined."""
    head = orjson.dumps((worker, seconds, len(messages)))
    parts = [len(head).to_bytes(_PREFIX, "big"), head]
    for message in messages:
        parts += (len(message).to_bytes(_PREFIX, "big"), message)
    return b"".join(parts)


def decode_chunk(message: bytes) -> ChunkAnswer:
    """Inverse of `encode_chunk`.

    Raises:
        ValueError: this is no answer.
    """
    with memoryview(message) as view:
        at = _PREFIX + int.from_bytes(view[:_PREFIX], "big")
        try:
            worker, seconds, count = orjson.loads(view[_PREFIX:at])
            seconds, count = float(seconds), int(count)
        except (TypeError, ValueError) as error:
            raise ValueError(f"a worker's answer makes no sense: {error}") from error
        answers: list[Prepared] = []
        while len(answers) < count and at < len(view):
            end = at + _PREFIX + int.from_bytes(view[at : at + _PREFIX], "big")
            answers.append(decode_answer(view[at + _PREFIX : end]))
            at = end
        if len(answers) != count or at != len(view):
            raise ValueError("a worker's answer is not whole")
        return ChunkAnswer(str(worker), seconds, answers)


def _with_length(head: bytes) -> bytes:
    return len(head).to_bytes(_PREFIX, "big") + head
