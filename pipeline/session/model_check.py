"""Check of the model's name by the service's own list, once, before anything is uploaded."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from pipeline.errors import UsageError
from pipeline.providers.base import BatchOptions
from pipeline.session.session import Session

_OPENAI = "api.openai.com"


@runtime_checkable
class ListsModels(Protocol):
    """Service that may tell which models it has."""

    @property
    def options(self) -> BatchOptions:
        """Options that reach the service."""
        ...

    def models(self) -> tuple[str, ...]:
        """Names of its models, () when it does not tell."""
        ...


def check_model(session: Session, model: str) -> None:
    """Say when the service lists other models and not this one; OpenAI's list is believed.

    Raises:
        UsageError: OpenAI does not list the model.
    """
    service = session.context.service
    if not isinstance(service, ListsModels):
        return
    sentence = missing_model(model, service.models())
    if sentence and urlsplit(service.options.base_url).hostname == _OPENAI:
        raise UsageError(sentence)
    if sentence:
        session.context.say(f"{sentence}; the first requests will tell")


def missing_model(model: str, listed: Sequence[str]) -> str:
    """Sentence about a model that is not in a service's list, "" for one that is, or no list."""
    if not listed or model in listed:
        return ""
    close = difflib.get_close_matches(model, listed, 1)
    hint = f": did you mean {close[0]}?" if close else "; choose another one with --model"
    return f"the service does not list the model {model}{hint}"
