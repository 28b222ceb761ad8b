"""Background responses, read by their ids until they are over, by this run or a later one."""

from __future__ import annotations

import asyncio

from pipeline.core.background import BackgroundPace, is_cancelled, unfinished_response
from pipeline.core.online import answer_line, cancelled_line, lost_line
from pipeline.errors import NeedsPerson, NotFound, ServiceError
from pipeline.providers.base import HttpReply, OnlineService

_UNKNOWN = 3  # looks in a row that find no response, before it is given up


async def awaited_line(
    service: OnlineService, name: str, response_id: str, pace: BackgroundPace
) -> bytes:
    """Journal's line about a response once it is over; b"" for one that is looked at once and is
    not over.

    Raises:
        CaptionmillError: it cannot be read now; the next run reads it.
    """
    clock = asyncio.get_running_loop().time
    began = heard = clock()
    delay, unknown = 0.0 if pace.once else pace.delay(0.0), 0
    while True:
        await asyncio.sleep(delay)
        delay = pace.delay(clock() - began)
        try:
            if pace.cancel:
                await service.cancel(response_id)
            reply = await service.read(response_id)
        except NotFound as error:
            unknown += 1  # a response that was just made may be seen late
            if unknown == _UNKNOWN:
                return lost_line(name, str(error))
        except ServiceError as error:
            if pace.once or isinstance(error, NeedsPerson) or clock() - heard > pace.patience:
                raise
            delay = max(delay, error.retry_after or 0.0)
        else:
            unknown, heard = 0, clock()
            if not unfinished_response(reply.body):
                return _line(name, reply)
            if pace.once:
                return b""


def _line(name: str, reply: HttpReply) -> bytes:
    """Line of a response that is over."""
    if is_cancelled(reply.body):
        return cancelled_line(name)
    return answer_line(name, reply.status, reply.request_id, reply.body)
