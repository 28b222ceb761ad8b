"""What the service does wrong: one request fault at one call, and kinds of lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.server.faults import FaultPlan, LineFault, ListFaults, RequestFault

CALLS: Mapping[str, tuple[str, str]] = {
    "upload": ("POST", "/v1/files"),
    "create": ("POST", "/v1/batches"),
    "list": ("GET", "/v1/batches"),
    "get": ("GET", "/v1/batches/*"),
    "content": ("GET", "/v1/files/*/content"),
    "size": ("GET", "/v1/files/*"),
    "delete": ("DELETE", "*"),
}
WRITES = ("upload", "create")
CHAT = "/v1/chat/completions"

_LIMITED = {"action": "status", "status": 429, "retry_after": 3, "code": "slow_down"}
_ANY: Mapping[str, Mapping[str, Any]] = {
    "drop before": {"action": "drop_before"},
    "drop after": {"action": "drop_after"},
    "reset before": {"action": "reset"},
    "reset after": {"action": "reset", "after_effect": True},
    "500 before": {"action": "status", "status": 500},
    "503 after": {"action": "status", "status": 503, "after_effect": True},
    "429 before": _LIMITED,
    "429 after": _LIMITED | {"after_effect": True},
    "400 before": {"action": "status", "status": 400, "code": "odd"},
    "400 after": {"action": "status", "status": 400, "code": "odd", "after_effect": True},
    "401 before": {"action": "status", "status": 401, "code": "invalid_api_key"},
    "404 before": {"action": "status", "status": 404},
    "307": {"action": "redirect", "status": 307},
    "302": {"action": "redirect", "status": 302},
    "malformed": {"action": "malformed_json"},
    "truncated": {"action": "truncate", "keep": 0.6},
    "truncated in silence": {"action": "truncate_silently", "keep": 0.6},
    "empty in silence": {"action": "truncate_silently", "keep": 0.0},
    "slow": {"action": "slow_bytes", "seconds": 0.05},
}
_WRITE: Mapping[str, Mapping[str, Any]] = {
    "lands late": {"action": "late_landing", "seconds": 45},
    "lands at once, unsaid": {"action": "late_landing", "seconds": 0.0},
}

LISTS: Mapping[str, ListFaults] = {
    "prompt lists": ListFaults(),
    "lists lag": ListFaults(lag_seconds=60),
    "lists lag for long": ListFaults(lag_seconds=150),
    "small shuffled pages": ListFaults(page_size=1, shuffled=True, lag_seconds=20),
}

# The SDK tries reads three times, so three in a row are one failure for the product.
_READ_TIMES = 3


def faults(call: str) -> Iterator[tuple[str, RequestFault]]:
    """Everything that can go wrong with one kind of call, at its first time or its second."""
    method, path = CALLS[call]
    actions = {**_ANY, **(_WRITE if call in WRITES else {})}
    for name, action in actions.items():
        if call in WRITES or call == "delete":
            for nth in (1, 2):
                yield (
                    f"{call} #{nth} {name}",
                    RequestFault(method=method, path=path, nth=nth, **action),
                )
        else:
            for since in (1, 2):
                numbers = tuple(range(since, since + _READ_TIMES))
                yield (
                    f"{call} #{since}-{numbers[-1]} {name}",
                    RequestFault(method=method, path=path, nth=numbers, **action),
                )


def every_fault() -> dict[str, RequestFault]:
    """All of them, by name."""
    return {name: fault for call in CALLS for name, fault in faults(call)}


def online_faults() -> dict[str, RequestFault]:
    """Everything that can go wrong with an online request, at its first time or a later one. A
    service that says no and bills all the same is left out: nothing of it can be listed."""
    lies = ("400 after", "429 after")
    soon = {"retry_after": 0.02}
    return {
        f"ask #{nth} {name}": RequestFault(
            method="POST", path=CHAT, nth=nth, **(action | soon if name == "429 before" else action)
        )
        for name, action in _ANY.items()
        if name not in lies
        for nth in (1, 2, 4)
    }


LATE = 8.0
"""Seconds for which a child waits for an online answer."""

_ERROR = '{"error": {"message": "The engine failed.", "code": "server_error"}}'
_BILLED_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "an error with 200": {"action": "page", "content_type": "application/json", "text": _ERROR},
    "a list of errors": {"action": "page", "content_type": "application/json", "text": "[1]"},
    "a web page with 200": {"action": "page"},
    "an answer too late": {"action": "delay", "seconds": LATE + 1},
}


def billed_answers() -> dict[str, FaultPlan]:
    """Answers to online requests that were billed and do not say so, at their first time or a later
    one."""
    plans = {
        f"{name} #{nth}": FaultPlan(
            request=(
                RequestFault(
                    method="POST", path=CHAT, nth=nth,
                    **{"status": 200, "after_effect": True, **action},
                ),
            )
        )
        for name, action in _BILLED_ANSWERS.items()
        for nth in (1, 2, 4)
    }  # fmt: skip
    for outcome in ("no_usage", "zero_usage"):
        for nth in (1, 2, 4):
            line = LineFault(outcome=outcome, nth=nth)  # type: ignore[arg-type]
            plans[f"{outcome} #{nth}"] = FaultPlan(line=(line,))
    return plans


def plan(fault: str, lists: str = "prompt lists") -> FaultPlan:
    """The plan with one fault and one kind of lists."""
    return FaultPlan(request=(every_fault()[fault],), listing=LISTS[lists])
