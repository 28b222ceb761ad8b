"""Reading a batch's input file as the service does: all of it, before any line runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipeline.server.families import billed_image_tokens
from pipeline.server.pictures import measure
from pipeline.server.refusals import ApiError
from pipeline.server.tokenizer import text_tokens

_MOST_ERRORS = 100


@dataclass(frozen=True, slots=True)
class BatchError:
    """One entry of `errors.data`."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """Outcome: errors, or how many lines of which model, and their prompt tokens."""

    errors: tuple[BatchError, ...]
    total: int
    model: str | None
    tokens: int = 0


@dataclass(slots=True)
class _Progress:
    endpoint: str
    errors: list[BatchError] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    model: str | None = None
    tokens: int = 0
    total: int = 0


def parse_line(raw: bytes) -> Any:
    """Parse the JSON value of one line.

    Raises:
        ValueError: it is none.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)  # takes lone surrogates and huge integers, as the service does


def lines_from(path: Path, position: int = 0) -> Iterator[tuple[int, bytes]]:
    """(position after the line, line without its end) from byte `position` on, split at LF only.

    Blank lines are left out.
    """
    with path.open("rb") as handle:
        handle.seek(position)
        for raw in handle:
            position += len(raw)
            if raw.strip():
                yield position, raw.rstrip(b"\r\n")


def check_lines(
    lines: Iterable[bytes], endpoint: str, most: int, count_tokens: Callable[[str], bool]
) -> CheckedFile:
    """Validate the lines of one input file.

    `count_tokens(model)` says whether the model's prompt tokens matter; counting them reads
    every image's header.
    """
    progress = _Progress(endpoint)
    for number, raw in enumerate(lines, start=1):
        progress.total = number
        if number > most:
            message = f"The batch input file contains too many requests. The maximum is {most}."
            return CheckedFile((BatchError("too_many_tasks", message),), number, progress.model)
        error = _check_line(progress, number, raw, count_tokens)
        if error is not None:
            progress.errors.append(error)
            if len(progress.errors) == _MOST_ERRORS:
                break
    if progress.total == 0:
        empty = BatchError("empty_file", "The batch input file is empty.")
        return CheckedFile((empty,), 0, None)
    return CheckedFile(tuple(progress.errors), progress.total, progress.model, progress.tokens)


def _check_line(
    progress: _Progress, number: int, raw: bytes, count_tokens: Callable[[str], bool]
) -> BatchError | None:
    try:
        line = parse_line(raw)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        message = "This line is not parseable as valid JSON."
        return BatchError("invalid_json_line", message, number)
    problem = _check_shape(line, number) or _check_unique(progress, line, number)
    if problem is not None:
        return problem
    body = line["body"]
    model = body.get("model")
    if line["url"] != progress.endpoint:
        message = "The provided URL does not match the batch endpoint."
        return BatchError("url_mismatch", message, number, "url")
    progress.model = progress.model or model
    if model != progress.model:
        message = "The batch contains requests for more than one model."
        return BatchError("model_mismatch", message, number, "body.model")
    if isinstance(model, str) and count_tokens(model):
        progress.tokens += prompt_tokens(model, body)
    return None


def _check_shape(line: dict[str, Any], number: int) -> BatchError | None:
    wanted = {"custom_id": str, "method": str, "url": str, "body": dict}
    for name, kind in wanted.items():
        if not isinstance(line.get(name), kind):
            message = f"Missing required parameter: '{name}'."
            return BatchError("missing_required_parameter", message, number, name)
    if line["method"] != "POST":
        return BatchError("invalid_method", "Only POST is supported.", number, "method")
    return None


def _check_unique(progress: _Progress, line: dict[str, Any], number: int) -> BatchError | None:
    custom_id = line["custom_id"]
    if custom_id in progress.seen:
        message = f"The custom_id '{custom_id}' is used more than once."
        return BatchError("duplicate_custom_id", message, number, "custom_id")
    progress.seen.add(custom_id)
    return None


def prompt_tokens(model: str, body: object) -> int:
    """Prompt tokens of a body for the enqueued-token limit; what cannot be counted counts 0."""
    total = 0
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            total += _part_tokens(model, node)
            stack.extend(node.get(name) for name in ("messages", "input", "content"))
    return total


def _part_tokens(model: str, part: dict[str, Any]) -> int:
    total = sum(
        text_tokens(model, part[name])
        for name in ("text", "instructions", "content", "input")
        if isinstance(part.get(name), str)
    )
    image = part.get("image_url")
    holder = image if isinstance(image, dict) else part
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str):
        try:
            total += billed_image_tokens(model, *measure(url), str(holder.get("detail") or "auto"))
        except ApiError:
            return total  # such a line fails by itself when it runs
    return total
