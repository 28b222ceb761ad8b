"""Background responses: created with an id, answered when their time has come, read by the id."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from pipeline.server.bill import Bill
from pipeline.server.bodies import FINGERPRINT, dumps, response_body
from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.lines import billed_answer
from pipeline.server.refusals import ApiError, missing
from pipeline.server.requests import RESPONSES, ParsedRequest
from pipeline.server.responder import PlannedServerError, Responder
from pipeline.server.settings import BatchDurations


class BackgroundResponses:
    """Background responses of one account.

    An answer is made, and billed, at the first call after its time has come, in one transaction.
    """

    def __init__(
        self,
        database: ServerDatabase,
        clock: ServerClock,
        responder: Responder,
        faults: FaultInjector,
        bill: Bill,
        durations: BatchDurations,
    ) -> None:
        self._database, self._clock, self._responder = database, clock, responder
        self._faults, self._bill, self._durations = faults, bill, durations

    def create(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        """Take a request; gives it as the service shows it.

        Raises:
            ApiError: as the service refuses it.
        """
        request, _ = self._responder.parse(RESPONSES, body)
        now = self._clock.now()
        shown = _unfinished(request, name, now)
        row = {
            "id": shown["id"], "name": name, "request": dumps(body),
            "due_at": now + self._durations.background, "shown": dumps(shown),
        }  # fmt: skip
        self._database.insert("responses", row)
        return shown

    def get(self, name: str) -> dict[str, Any]:
        """Response of an id.

        Raises:
            ApiError: there is none.
        """
        with self._database.transaction() as connection:
            due = "SELECT * FROM responses WHERE over = 0 AND due_at <= ? ORDER BY seq"
            for row in connection.execute(due, (self._clock.now(),)).fetchall():
                self._finish(connection, row)
            return self._shown(name)

    def cancel(self, name: str) -> dict[str, Any]:
        """Cancel what is not answered yet; it costs nothing.

        Raises:
            ApiError: there is none.
        """
        with self._database.transaction() as connection:
            shown = self.get(name)
            if shown["status"] == "queued":
                shown["status"] = "cancelled"
                self._end(connection, name, shown)
            return shown

    def delete(self, name: str) -> None:
        """Forget a response.

        Raises:
            ApiError: there is none.
        """
        with self._database.transaction() as connection:
            self.get(name)
            connection.execute("DELETE FROM responses WHERE id = ?", (name,))

    def _shown(self, name: str) -> dict[str, Any]:
        text = self._database.value("SELECT shown FROM responses WHERE id = ?", (name,))
        if text is None:
            raise missing("response", name)
        shown: dict[str, Any] = json.loads(text)
        return shown

    def _finish(self, connection: sqlite3.Connection, row: sqlite3.Row) -> None:
        """Answer one response and charge for it."""
        request, pictures = self._responder.parse(RESPONSES, json.loads(row["request"]))
        digest = pictures[0].digest if pictures else None
        fault = self._faults.for_line(f"online {row['name']}", "", digest)
        shown = json.loads(row["shown"])
        now = self._clock.now()
        try:
            reply = self._responder.answer(request, pictures, fault)
        except (ApiError, PlannedServerError) as error:
            code = getattr(error, "code", None) or "server_error"
            shown |= {"status": "failed", "error": {"code": code, "message": str(error)}}
        else:
            shown |= response_body(RESPONSES, reply, row["name"], shown["created_at"])
            nano = self._responder.nano(reply, batch=False)
            self._bill.charge([billed_answer(reply, nano, now)])
        self._end(connection, row["id"], shown)

    def _end(self, connection: sqlite3.Connection, name: str, shown: dict[str, Any]) -> None:
        connection.execute(
            "UPDATE responses SET shown = ?, over = 1, request = x'' WHERE id = ?",
            (dumps(shown), name),
        )


def _unfinished(request: ParsedRequest, name: str, now: float) -> dict[str, Any]:
    return {
        "id": f"resp_{name}",
        "object": "response",
        "created_at": int(now),
        "status": "queued",
        "background": True,
        "background_options": {"completion_window": request.window or "soonest"},
        "error": None,
        "incomplete_details": None,
        "model": request.model,
        "output": [],
        "usage": None,
        "metadata": {"server": FINGERPRINT},
    }
