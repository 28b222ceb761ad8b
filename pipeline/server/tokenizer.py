"""Tokens of texts as the service bills them.

The service's own models count by o200k, whose vocabulary takes half a second to load; names that
nobody knows, such as that of the local model, count four UTF-8 bytes as a token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.server.families import family_of, is_known

_MESSAGE = 4  # tokens of a message beside its text
_OPENING = 3  # tokens before the answer


def text_tokens(model: str, *texts: str) -> int:
    """Tokens of texts under `model`, rounded up per text."""
    if not is_known(family_of(model)):
        return sum(-(-len(text.encode("utf-8", "surrogatepass")) // 4) for text in texts)
    return sum(_o200k().count(text.encode("utf-8", "replace").decode()) for text in texts if text)


def first_tokens(model: str, text: str, tokens: int) -> str:
    """First tokens of a text, in whole characters."""
    if is_known(family_of(model)):
        encoded = _o200k().encode_ordinary(text.encode("utf-8", "replace").decode())
        return str(_o200k().decode_bytes(encoded[:tokens]).decode("utf-8", "ignore"))
    return text.encode("utf-8", "surrogatepass")[: tokens * 4].decode("utf-8", "ignore")


def conversation_tokens(
    model: str, system: str, prompt: str, schema: Mapping[str, Any] | None = None
) -> int:
    """Tokens of a request beside its images. A schema is worded into the prompt, in a message of
    its own; how is not documented, here it is as JSON."""
    known = is_known(family_of(model))
    of_schema = json.dumps(schema) if schema and known else ""
    messages = 1 + sum(bool(text) and known for text in (system, of_schema))
    return _OPENING + messages * _MESSAGE + text_tokens(model, system, prompt, of_schema)


@cache
def _o200k() -> Any:
    import quicktok

    return quicktok.get_encoding("o200k_base")
