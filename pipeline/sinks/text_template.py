"""Texts of sidecar files from a template with fields in braces."""

from __future__ import annotations

import string
from collections.abc import Mapping

from pipeline.errors import UsageError


def filled_text(template: str, values: Mapping[str, object]) -> str:
    """Template with fields put in; null is nothing, a list is joined by commas.

    Raises:
        UsageError: it names a field that is not exported.
    """
    filled = ""
    for text, name, _, _ in string.Formatter().parse(template):
        filled += text
        if name is not None:
            if name not in values:
                raise UsageError(
                    f"the template names {{{name}}}, but there are {', '.join(values)}"
                )
            filled += _word(values[name])
    return filled


def _word(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
