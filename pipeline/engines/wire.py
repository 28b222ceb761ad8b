"""Messages between a worker and its parent.

A decoder taken over by a hostile image owns its worker. So the parent never unpickles what a
worker says: answers are JSON and raw bytes, checked field by field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection

LONGEST_MESSAGE = 64 << 20
"""Bytes of one message that is accepted."""

READY = b"ready"
"""A worker's first message when it could start; anything else says why it could not."""

_PREFIX = 4  # bytes that hold the length of the JSON part


def encode_jobs(locations: Iterable[str]) -> bytes:
    """Paths for a worker; any bytes but NUL may be in a path."""
    return b"\0".join(os.fsencode(location) for location in locations)


def decode_jobs(message: bytes) -> list[str]:
    """Inverse of `encode_jobs`."""
    return [os.fsdecode(part) for part in message.split(b"\0")]


def encode_answer(answer: Prepared) -> tuple[bytes, bytes]:
    """One answer as one message in two parts, to be sent one after the other."""
    if isinstance(answer, PreparedImage):
        return _head("P", _of_prepared(answer)), answer.base64
    if isinstance(answer, KnownImage):
        return _head("K", [answer.source_id.hex()]), b""
    source_id = answer.source_id.hex() if answer.source_id is not None else None
    fields = [
        source_id, answer.rejection.code, answer.rejection.detail, answer.source_format,
        answer.source_width, answer.source_height,
    ]  # fmt: skip
    return _head("R", fields), b""


def decode_answer(message: bytes | memoryview) -> Prepared:
    """Inverse of `encode_answer`, from both parts as one.

    Raises:
        ValueError: this is no answer.
    """
    length = int.from_bytes(message[:_PREFIX], "big")
    try:
        kind, fields = orjson.loads(message[_PREFIX : _PREFIX + length])
        if kind == "P":
            return _to_prepared(fields, bytes(message[_PREFIX + length :]))
        if kind == "K":
            return KnownImage(_identity(fields[0]))
        return _to_rejected(fields)
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"a worker's answer makes no sense: {error}") from error


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
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


def _head(kind: str, fields: list[Any]) -> bytes:
    head = orjson.dumps((kind, fields))
    return len(head).to_bytes(_PREFIX, "big") + head


def _of_prepared(image: PreparedImage) -> list[Any]:
    return [
        image.source_id.hex(), image.content_id.hex(), image.source_format,
        image.source_width, image.source_height, image.width, image.height, image.media_type,
        image.flags, image.perceptual_hash.hex() if image.perceptual_hash else None,
        image.sharpness,
    ]  # fmt: skip


def _to_prepared(fields: list[Any], payload: bytes) -> PreparedImage:
    source, content, format_, *sizes, media_type, flags, hash_, sharpness = fields
    source_width, source_height, width, height = (int(size) for size in sizes)
    return PreparedImage(
        source_id=_identity(source),
        content_id=_identity(content),
        source_format=str(format_),
        source_width=source_width,
        source_height=source_height,
        width=width,
        height=height,
        media_type=str(media_type),
        base64=payload,
        flags=tuple(str(flag) for flag in flags),
        perceptual_hash=bytes.fromhex(hash_) if hash_ else None,
        sharpness=int(sharpness),
    )


def _to_rejected(fields: list[Any]) -> RejectedImage:
    source, code, detail, format_, width, height = fields
    return RejectedImage(
        source_id=_identity(source) if source is not None else None,
        rejection=Rejection(str(code), str(detail)),
        source_format=str(format_) if format_ is not None else None,
        source_width=int(width) if width is not None else None,
        source_height=int(height) if height is not None else None,
    )


def _identity(text: str) -> bytes:
    identity = bytes.fromhex(text)
    if len(identity) != 32:
        raise ValueError("an identity has 32 bytes")
    return identity
