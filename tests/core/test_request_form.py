from __future__ import annotations

import json

from pipeline.core.request_form import is_answered, request_form

SPEC = {
    "provider": "openai",
    "account": "default",
    "request": {"model": "m", "system": "Say.", "temperature": None, "body_extras": {}},
    "template": "Describe this image.",
    "recipe": {"size": 512},
}


def changed(**request: object) -> dict[str, object]:
    return {**SPEC, "request": {**SPEC["request"], **request}}  # type: ignore[dict-item]


def test_other_texts_and_sizes_are_the_same_form() -> None:
    other = {**changed(system="Sing."), "template": "Another.", "recipe": {"size": 768}}
    assert request_form(other) == request_form(SPEC)
    assert is_answered(other, [json.dumps(SPEC)])


def test_another_model_or_parameter_is_another_form() -> None:
    for other in (changed(model="n"), changed(temperature=0.5), changed(body_extras={"x": 1})):
        assert not is_answered(other, [json.dumps(SPEC)])
    assert not is_answered(SPEC, [])
