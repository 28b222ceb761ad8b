from __future__ import annotations

import pytest

from pipeline.server.refusals import ApiError, invalid, missing


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (503, "server_error"),
    ],
)
def test_the_type_follows_the_status(status: int, kind: str) -> None:
    body = ApiError(status, "no", code="c", param="p").body()
    assert body == {"error": {"message": "no", "type": kind, "param": "p", "code": "c"}}


def test_short_forms() -> None:
    assert invalid("bad", "x").status == 400
    assert missing("File", "file-1").status == 404
    assert "file-1" in str(missing("File", "file-1"))
