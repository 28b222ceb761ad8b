from __future__ import annotations

from pipeline.storage.credentials import S3Access
from pipeline.storage.plain_s3 import sign


def test_a_request_is_signed_with_the_secret_and_does_not_hold_it() -> None:
    access = S3Access("us-east-1", key="ID", secret="hush", token="psst")
    headers = sign(access, "GET", "host", "/bucket/a", "", {"If-Match": '"e"'})
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ID/")
    assert "x-amz-security-token" in headers["Authorization"]
    assert headers["x-amz-security-token"] == "psst"
    assert "hush" not in str(headers)
    assert sign(S3Access("x", anonymous=True), "GET", "host", "/", "", {}) == {}
