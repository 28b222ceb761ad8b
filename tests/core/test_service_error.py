from __future__ import annotations

import pytest

from pipeline.core.service_error import ErrorWords, error_in


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"message": "no", "code": "bad", "type": "t"}}, "bad", "no"),
        ({"error": {"message": "no", "code": None, "type": "t"}}, "t", "no"),
        ({"error": {"message": "no", "code": 429}, "choices": []}, "429", "no"),
        ({"error": "no"}, "", "no"),
        ({"error": {"error": {"message": "no", "code": "deep"}}}, "deep", "no"),
        ({"object": "error", "message": "no", "code": 500}, "500", "no"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
         "overloaded_error", "no"),
        ({"detail": "no"}, "", "no"),
        ({"detail": [{"msg": "no", "type": "missing"}]}, "missing", "no"),
        ({"code": 50505, "message": "no"}, "50505", "no"),
        ({"errors": [{"message": "no"}]}, "", "no"),
        ([{"error": {"code": 429, "message": "no", "status": "S"}}], "429", "no"),
        ({"error": {}, "message": "no"}, "", "no"),
        ({"error": {"odd": 1}}, "", '{"odd": 1}'),
    ],
)  # fmt: skip
def test_shapes_of_errors(body: object, code: str, message: str) -> None:
    assert error_in(body) == ErrorWords(code, message)


@pytest.mark.parametrize(
    "body",
    [None, 3, "x", [], {}, {"choices": []}, {"choices": [], "message": "hi"}, {"error": None},
     {"message": {"content": "a"}}, {"usage": {}, "detail": "x"}, {"error": "null"},
     {"error": {"code": "0", "message": ""}}, {"error": {"code": None, "message": " None "}},
     {"errors": [{"message": "undefined"}]}],
)  # fmt: skip
def test_bodies_without_an_error(body: object) -> None:
    assert error_in(body) is None
