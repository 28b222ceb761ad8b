"""Responses that are awaited, against a service that is played in this process."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.background import BackgroundPace
from pipeline.core.rate_limit import RateLimiter
from pipeline.providers.base import HttpReply
from pipeline.stages.online.background_dispatcher import BackgroundDispatcher
from pipeline.stages.online.group import Group
from pipeline.stages.online.journal import Journal, read_journal

PACE = BackgroundPace(window=0.1, first=0.001, most=2, patience=60)


class Later:
    """Accepts requests; each is over at its third look, or never."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.open: dict[str, int] = {}
        self.most = 0
        self.deleted: list[str] = []

    async def ask(self, body: Mapping[str, Any]) -> HttpReply:
        name = f"resp_{body['n']}"
        self.open[name] = 0
        self.most = max(self.most, len(self.open))
        return self._shown(name, "queued")

    async def read(self, response_id: str) -> HttpReply:
        self.open[response_id] = self.open.get(response_id, 0) + 1
        if not self.answers or self.open[response_id] < 3:
            return self._shown(response_id, "in_progress")
        del self.open[response_id]
        return self._shown(response_id, "completed")

    async def cancel(self, response_id: str) -> None: ...

    async def delete(self, response_id: str) -> None:
        self.deleted.append(response_id)

    async def close(self) -> None: ...

    @staticmethod
    def _shown(name: str, status: str) -> HttpReply:
        body = {"object": "response", "id": name, "status": status, "output": []}
        return HttpReply(200, json.dumps(body).encode(), {})


def group(folder: Path, count: int, pending: dict[str, str] | None = None) -> Group:
    requests = deque((f"cm-{n}", {"n": n}) for n in range(count))
    return Group(1, Journal(folder / "x.journal"), requests, 10, pending or {})


def test_ids_are_in_the_journal_and_no_more_than_allowed_are_under_way(tmp_path: Path) -> None:
    service = Later()
    with BackgroundDispatcher(lambda: service, RateLimiter(8), PACE) as dispatcher:
        dispatcher.send(group(tmp_path, 5, {"cm-old": "resp_old"}))
        assert dispatcher.finished(20) is not None
        dispatcher.delete(["resp_1"])
    state = read_journal(tmp_path / "x.journal")
    assert state.accepted == {f"cm-{n}": f"resp_{n}" for n in range(5)}
    assert state.answers.keys() == {"cm-old", *(f"cm-{n}" for n in range(5))}
    assert service.most <= 2
    assert service.deleted == ["resp_1"]


def test_a_stop_leaves_them_to_be_read(tmp_path: Path) -> None:
    service = Later(answers=False)
    with BackgroundDispatcher(lambda: service, RateLimiter(8), PACE) as dispatcher:
        dispatcher.send(group(tmp_path, 2))
        while len(read_journal(tmp_path / "x.journal").accepted) < 2:
            assert dispatcher.finished(0.01) is None
        dispatcher.stop()
        assert dispatcher.finished(20) is not None
    assert set(read_journal(tmp_path / "x.journal").awaited) == {"cm-0", "cm-1"}
