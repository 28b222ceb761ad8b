"""Form of requests: the part of a spec for which a service may refuse all requests alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_TEXTS = ("system", "max_completion_tokens")  # of a request: no service refuses all for them


def request_form(spec: Mapping[str, Any]) -> str:
    """Form of a spec: provider, account, model, endpoint and parameters, without its texts."""
    request = {key: value for key, value in spec.get("request", {}).items() if key not in _TEXTS}
    form = {"provider": spec.get("provider"), "account": spec.get("account"), "request": request}
    return json.dumps(form, sort_keys=True, default=str)


def is_answered(spec: Mapping[str, Any], answered: Iterable[str]) -> bool:
    """Tell whether one of the `answered` specs, as JSON, has the form of `spec`."""
    form = request_form(json.loads(json.dumps(spec, default=str)))
    return any(request_form(json.loads(text)) == form for text in answered)
