"""Notice of a command line that is refused before its command begins.

Nights are watched by notices: one that a mistyped option or a key of the configuration ends would
be silent, since no run has begun that could tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.cli.console import say
from pipeline.config import load_notify, parse_value
from pipeline.errors import CaptionmillError

TELLING = ("run", "caption", "submit", "collect", "write", "pilot")
"""Commands that send a notice of their end."""


def notify_of(refusal: CaptionmillError, arguments: Sequence[str]) -> None:
    """Send the notice of a refused command line, if its command sends any."""
    from pipeline.session.record import notify_refusal

    command = next((word for word in arguments if not word.startswith("-")), "")
    if command not in TELLING or {"-h", "--help"} & set(arguments):
        return
    settings = (text.partition("=") for text in _values_of("--set", arguments))
    overrides = {key.strip(): parse_value(value) for key, _, value in settings}
    name = next(iter(list(_values_of("--config", arguments))[-1:]), None)
    notify = load_notify(name, overrides)
    if notify is not None:
        notify_refusal(notify, command, refusal, say)


def _values_of(option: str, arguments: Sequence[str]) -> Iterator[str]:
    """Values that a command line gives an option, in order."""
    following = [*arguments[1:], ""]
    for word, after in zip(arguments, following, strict=True):
        if word == option:
            yield after
        elif word.startswith(f"{option}="):
            yield word.removeprefix(f"{option}=")
