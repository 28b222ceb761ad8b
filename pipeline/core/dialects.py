"""Dialects of the Files and Batches protocol: the words of `[provider] dialect`, and what each
changes in how files go up and lists come back."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """Way of a service to take uploads and to list batches.

    Attributes:
        name: as configured.
        upload_path: where uploads go with a field `file_name`; "" is where the protocol has them.
        bare_lists: lists are arrays, without the object around them.
    """

    name: str
    upload_path: str = ""
    bare_lists: bool = False


OPENAI_DIALECT = Dialect("openai")
TOGETHER_DIALECT = Dialect(  # https://docs.together.ai/reference
    "together", upload_path="/files/upload", bare_lists=True
)

DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (OPENAI_DIALECT, TOGETHER_DIALECT)}


def checked_dialect(name: str) -> str:
    """Word of `[provider] dialect`.

    Raises:
        ValueError: it is none; says which there are.
    """
    if name not in DIALECTS:
        raise ValueError(f"it should be {' or '.join(repr(word) for word in DIALECTS)}")
    return name
