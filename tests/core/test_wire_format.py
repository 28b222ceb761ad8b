"""Shapes of a service go wherever its requests and answers go."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline import providers
from pipeline.config import Config
from pipeline.core.answer import BadLine
from pipeline.core.request import RequestSpec
from pipeline.core.wire_format import OPENAI_FORMAT
from pipeline.records import Answer
from pipeline.session.settings import RunSettings


def test_openai_asks_and_understands() -> None:
    body = OPENAI_FORMAT.body(RequestSpec("m"), "Describe.", "https://example.com/a.jpg")
    assert body["model"] == "m"
    line = {"custom_id": "a", "error": {"code": "batch_expired", "message": "late"}}
    answer = OPENAI_FORMAT.judge(json.dumps(line).encode())
    assert isinstance(answer, Answer)
    assert answer.outcome == "expired"
    assert isinstance(OPENAI_FORMAT.judge(b"{"), BadLine)


def test_a_spec_takes_the_shapes_that_the_registry_names(monkeypatch: pytest.MonkeyPatch) -> None:
    estimated: list[Any] = []

    def estimator(*arguments: Any, **more: Any) -> Any:
        estimated.append(arguments)
        return OPENAI_FORMAT.estimator(*arguments, **more)

    own = replace(OPENAI_FORMAT, estimator=estimator)
    service = replace(providers.SERVICES["openai"], wire_format=own)
    monkeypatch.setattr(providers, "SERVICES", {**providers.SERVICES, "openai": service})
    specs = RunSettings.of(Config()).specs
    caption_spec = specs.build(local=False, account="default", now=1_790_000_000)
    assert caption_spec.wire_format is own
    assert len(estimated) == 1
    assert specs.build(local=True, account="", now=1_790_000_000).wire_format is OPENAI_FORMAT
