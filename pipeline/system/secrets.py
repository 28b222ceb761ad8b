"""API keys: read once, checked at load, never shown.

A key with a trailing newline or a pasted quotation mark is refused by the HTTP library with a
traceback that contains the key, so everything is checked here before anybody uses it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import UsageError

REDACTED = "[hidden]"
_MAX_BYTES = 8192
_KEY_LIKE = re.compile(r"(?<![A-Za-z0-9])(?:sk|gsk|tgp|xai)[-_][A-Za-z0-9_*\-]{3,}")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[^\s'\",;]+")


class Secret:
    """Value that hides itself from `repr`, `str`, f-strings and pickles.

    Equal to another Secret with the same value; `reveal()` is the only way to the text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Secret text. Give it to the HTTP client and to nobody else."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled: it stays in the process that read it")


def secret_from_environment(name: str, environment: Mapping[str, str]) -> Secret | None:
    """Key in environment variable `name`; None when it is unset or blank.

    Raises:
        UsageError: the value cannot be a key.
    """
    text = environment.get(name, "").strip()
    return checked(text, f"the environment variable {name}") if text else None


def secret_from_file(path: Path) -> Secret:
    """Key in `path`, a file that only its owner can read (mode 0600 or 0400).

    Raises:
        UsageError: no such file, readable by others, empty, or not a key.
    """
    try:
        with path.open("rb") as handle:
            mode = stat.S_IMODE(path.stat().st_mode)
            raw = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the key file {path}: {error.strerror}") from None
    if mode & 0o077:
        raise UsageError(
            f"the key file {path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`"
        )
    origin = f"the key file {path}"
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UsageError(f"{origin} is not text") from None
    if not text or len(raw) > _MAX_BYTES:
        raise UsageError(f"{origin} holds no key: put the key, and nothing else, on its first line")
    return checked(text, origin)


def checked(text: str, origin: str) -> Secret:
    """`text` without surrounding white space as a Secret, if an HTTP header can carry it.

    Raises:
        UsageError: names `origin` and what is wrong, never the value.
    """
    text = text.strip()
    problem = ""
    if not text:
        problem = "is empty"
    elif text[0] in "\"'" or text[-1] in "\"'":
        problem = "starts or ends with a quotation mark"
    elif any(c.isspace() for c in text):
        problem = "contains a space or a line break inside the key"
    elif not text.isascii():
        problem = "contains a character that is not ASCII (copied from a document?)"
    elif not text.isprintable():
        problem = "contains a control character"
    if problem:
        raise UsageError(
            f"{origin} {problem}: paste the key again, exactly as the service shows it"
        )
    return Secret(text)


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`, and without anything that looks like a key."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return _KEY_LIKE.sub(REDACTED, _BEARER.sub(rf"\1{REDACTED}", text))
