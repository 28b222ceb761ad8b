"""Pictures of an audit, shown to the local captioner: things that captions do not name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline.commands.review_index import ReviewIndex
from pipeline.core.words import counted, duration
from pipeline.records import Say
from pipeline.review.seen_things import next_unseen, record_things, unseen_pictures
from pipeline.review.thumbnails import NoPicture, Thumbnails
from pipeline.session.thumbnails import open_thumbnails
from pipeline.sources import to_path

if TYPE_CHECKING:
    from pipeline.session.sure_things import SureThings

_TRIED = 8  # pictures from which the time for all is told
_PART = 64


def show_pictures(opened: ReviewIndex, say: Say) -> None:
    """Show it every picture with a caption that it did not see yet, and keep what it saw.

    How long it takes is said before, from the first few; what is interrupted goes on the next time.
    """
    waiting = unseen_pictures(opened.index)
    if not waiting:
        return
    from pipeline.session.sure_things import SureThings

    sure, thumbnails = (
        SureThings(),
        open_thumbnails(opened.workspace.review, opened.settings.open_original()),
    )
    began = time.monotonic()
    _show_some(opened, sure, thumbnails, _TRIED)
    if waiting > _TRIED:
        seconds = (time.monotonic() - began) / _TRIED * (waiting - _TRIED)
        pictures = counted(waiting - _TRIED, "picture")
        say(f"looking at {pictures} more with the local model takes about {duration(seconds)}")
    while _show_some(opened, sure, thumbnails, _PART):
        pass


def _show_some(opened: ReviewIndex, sure: SureThings, thumbnails: Thumbnails, count: int) -> bool:
    """Show it some more pictures; tells whether there were any."""
    things: dict[bytes, tuple[str, ...]] = {}
    for source_id, file in next_unseen(opened.index, count):
        try:
            jpeg = thumbnails.get(source_id, to_path(file), "small")
        except NoPicture:
            things[source_id] = ()
        else:
            things[source_id] = sure.names(jpeg)
    record_things(opened.index, things)
    return bool(things)
