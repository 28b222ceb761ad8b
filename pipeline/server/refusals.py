"""OpenAI's error shape: an exception that a route or a batch line turns into a body."""

from __future__ import annotations

_KIND = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """Request answered with an HTTP error.

    Attributes:
        status: HTTP status.
        code, param: machine-readable code and the parameter it is about, or None.
        retry_after: seconds for the Retry-After header, or None.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """`{"error": {"message", "type", "param", "code"}}`."""
        default = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = self.kind or _KIND.get(self.status, default)
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}


def invalid(message: str, param: str | None = None, code: str | None = "invalid_value") -> ApiError:
    """Make a 400 for a request that can never succeed as it is."""
    return ApiError(400, message, param=param, code=code)


def missing(kind: str, identifier: str) -> ApiError:
    """Make a 404 for an object that the server does not know."""
    return ApiError(404, f"No such {kind} object: {identifier}", param="id", code=None)
