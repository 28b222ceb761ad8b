"""Text, refusal and ending of an answer's body, whichever endpoint or service it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from pipeline.core.lenient_json import Unreadable, parse_json, storable_text
from pipeline.core.printable import word_of, words_of
from pipeline.core.reading_rules import CURRENT
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.core.service_words import TEXT_PARTS
from pipeline.core.thoughts import without_thoughts


class Reply(Struct, frozen=True):
    """Body of either endpoint, brought to one form.

    Attributes:
        text: without thoughts.
        ending: the service's word for why it ended, "" for none.
        error: that it reports in place of a whole text.
        thoughts: true when some were taken off the text.
    """

    text: str
    refusal: str
    ending: str
    error: ErrorWords | None = None
    thoughts: bool = False


def has_reply(body: Mapping[str, Any], version: int) -> bool:
    """Tell whether a body is an answer, whatever it says."""
    choices = body.get("choices")
    if isinstance(choices, dict):
        return version > 1
    return isinstance(choices, list) or isinstance(body.get("output"), list)


def error_inside(content: bytes) -> ErrorWords | None:
    """Error in the body of an answer with a status of success that holds no reply; None for any
    other body."""
    if b'"error"' not in content and (b'"choices"' in content or b'"output"' in content):
        return None
    try:
        body = parse_json(content)
    except Unreadable:
        return None
    if not isinstance(body, dict) or reply_in(body, CURRENT) is not None:
        return None
    return error_in(body)


def reply_in(body: Mapping[str, Any], version: int) -> Reply | None:
    """Reply of a body; None when it has no choice, or is a response that failed."""
    choices = _choices(body.get("choices"), version)
    if choices is None:
        return _response(body, version)
    choice = next((one for one in choices if isinstance(one, dict)), None)
    if choice is None:
        return None
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": choice.get("text")} if version > 1 else {}
    content = message.get("content")
    text = content_text(content) if version > 1 else _glued(content)
    refusal = words_of(message.get("refusal"))
    if version > 1 and not refusal and isinstance(content, list):
        refusal = " ".join(filter(None, map(_refusal_part, content)))
    return _reply(text, refusal, word_of(choice.get("finish_reason")), choice, version)


def content_text(content: object) -> str:
    """Text of a message's content, which may be a list of parts; other parts have none."""
    if isinstance(content, str):
        return storable_text(content)
    if not isinstance(content, list):
        return ""
    return "".join(
        storable_text(part["text"])
        for part in content
        if isinstance(part, dict)
        and part.get("type", "text") in TEXT_PARTS
        and isinstance(part.get("text"), str)
    )


def _reply(text: str, refusal: str, ending: str, choice: Mapping[str, Any], version: int) -> Reply:
    if version == 1:
        return Reply(text, refusal, ending)
    error = error_in({"error": choice.get("error"), "choices": []})
    text, thoughts = without_thoughts(text)
    return Reply(text, refusal, ending, error, thoughts)


def _choices(choices: object, version: int) -> Sequence[object] | None:
    """Choices of a chat completion; one may stand for itself, or be named by its number."""
    if isinstance(choices, dict) and version > 1:
        alone = any(name in choices for name in ("message", "text", "finish_reason"))
        return [choices] if alone else list(choices.values())
    return choices if isinstance(choices, list) else None


def _response(body: Mapping[str, Any], version: int) -> Reply | None:
    """Text of a response, or its refusal."""
    if not isinstance(body.get("output"), list) or body.get("status") == "failed":
        return None
    texts: list[str] = []
    refusals: list[str] = []
    for item in body["output"]:
        item = item if isinstance(item, dict) else {}
        content = item.get("content")
        if not isinstance(content, list) or (version > 1 and not _is_message(item)):
            continue
        texts.append(content_text(content) if version > 1 else _glued(content))
        refusals += map(_refusal_part, content)
    details = body.get("incomplete_details")
    ending = word_of(details.get("reason")) if isinstance(details, dict) else ""
    ending = "length" if ending == "max_output_tokens" else ending or word_of(body.get("status"))
    refusal = " ".join(filter(None, refusals))
    return _reply("".join(texts), refusal, ending, {}, version)


def _is_message(item: Mapping[str, Any]) -> bool:
    return bool(item.get("type", "message") == "message")


def _refusal_part(part: object) -> str:
    return words_of(part.get("refusal")) if isinstance(part, dict) else ""


def _glued(content: object) -> str:
    """Text of all parts, whatever their type: version 1."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(storable_text(text) for text in parts if isinstance(text, str))
    return storable_text(content) if isinstance(content, str) else ""
