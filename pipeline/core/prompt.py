"""User prompt of one image: a template whose {column} stands for a manifest's column.

A name between braces is taken as it stands, so no attribute, index or format of a value can be
reached through it. {{ and }} are braces.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection, Mapping

from pipeline.errors import UsageError
from pipeline.records import Rejection

MOST_CHARACTERS = 20_000
"""A longer rendered prompt is refused: it would cost more than its image."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]+)\}|[{}]")
_IMAGE = re.compile(
    r"data:image/[^\s\"']+|https?://[^\s\"']+\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic|avif)\b[^\s\"']*",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    # controls but tab and newline, line and paragraph separators, turned text, lone surrogates
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)


def template_fields(template: str) -> tuple[str, ...]:
    """Columns that a template names, each once, in order.

    Raises:
        UsageError: a brace that stands alone.
    """
    return tuple(dict.fromkeys(name for _, name in _parts(template) if name))


def check_template(template: str, columns: Collection[str], source: str = "") -> None:
    """Refuse a template that names columns which a source does not have; `source` is its name where
    there are several.

    Raises:
        UsageError: names the columns, and near ones that exist.
    """
    for name in template_fields(template):
        if name in columns:
            continue
        close = difflib.get_close_matches(name, columns, 1)
        hint = f"did you mean {{{close[0]}}}?" if close else _available(columns)
        where = f"that {source} does not have" if source else "that is not there"
        raise UsageError(f"the prompt names a column {{{name}}} {where}; {hint}")


def put_values(template: str, values: Mapping[str, str]) -> str:
    """Template with the names in it that have a value replaced by that value, which is text: its
    braces stay braces. A template that names none of them stays as it is."""

    def put(token: re.Match[str]) -> str:
        value = values.get((token[1] or "").strip())
        return token[0] if value is None else value.replace("{", "{{").replace("}", "}}")

    return _TOKEN.sub(put, template)


def fill_template(template: str, columns: Mapping[str, str]) -> str | Rejection:
    """Prompt with the image's columns put in.

    Control characters in values become spaces. A column that is not there, or a prompt of more
    than MOST_CHARACTERS, is a Rejection: "missing_column", "prompt_too_long".
    """
    pieces = []
    for text, name in _parts(template):
        pieces.append(text)
        if name:
            value = columns.get(name)
            if value is None:
                return Rejection("missing_column", _missing(name))
            pieces.append(_clean(value))
    prompt = "".join(pieces)
    if len(prompt) > MOST_CHARACTERS:
        return Rejection(
            "prompt_too_long",
            f"the prompt has {len(prompt):,} characters with its columns, "
            f"{MOST_CHARACTERS:,} are allowed",
        )
    return prompt


@functools.lru_cache(maxsize=64)
def _parts(template: str) -> tuple[tuple[str, str], ...]:
    """(text, column after it) pairs; the last column is ""."""
    parts: list[tuple[str, str]] = []
    text, end = "", 0
    for token in _TOKEN.finditer(template):
        text += template[end : token.start()]
        end = token.end()
        if token[1]:
            parts.append((text, token[1].strip()))
            text = ""
        elif len(token[0]) == 2:
            text += token[0][0]
        else:
            line = template.count("\n", 0, token.start()) + 1
            raise UsageError(
                f"the prompt has a single {token[0]} in line {line}: write {token[0] * 2} for a "
                "brace, {name} for a column"
            )
    return (*parts, (text + template[end:], ""))


def image_in(text: str) -> str | None:
    """Address of an image that a prompt holds, None when there is none.

    A model reads it as text, does not open it, and makes the caption up.
    """
    match = _IMAGE.search(text)
    return match[0][:200] if match else None


def _missing(name: str) -> str:
    if name.startswith(("exif.", "iptc.", "xmp.")):
        return f"the picture has no {name}"
    return f"the manifest has no column {name!r} here"


def _clean(value: str) -> str:
    if value.isprintable():
        return value
    return _INVISIBLE.sub(" ", value).strip()


def _available(columns: Collection[str]) -> str:
    if not columns:
        return (
            "columns come from a manifest (--manifest), other values from --set "
            "prompt.values.NAME=TEXT"
        )
    return f"there are: {', '.join(columns)}"
