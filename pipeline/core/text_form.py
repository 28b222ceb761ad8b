"""Form of sidecar texts as a person writes it: the suffix of their files, and their template."""

from __future__ import annotations

import string

_LONGEST = 20


def checked_suffix(suffix: str) -> str:
    """Suffix of the text files.

    Raises:
        ValueError: it cannot be one.
    """
    if not suffix.startswith(".") or "/" in suffix or not 1 < len(suffix) <= _LONGEST:
        raise ValueError(f"the suffix {suffix!r} is none: write it like .txt or .caption")
    return suffix


def checked_template(template: str) -> str:
    """Template of the texts.

    Raises:
        ValueError: its braces do not pair.
    """
    try:
        list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the template {template!r}: {error}") from None
    return template
