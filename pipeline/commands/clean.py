"""Removal of files that are no longer needed, here and at the service."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.records import Say
from pipeline.review.cache import clear_cache
from pipeline.session.finish import make_room
from pipeline.session.publish_export import remove_put
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.clean import CleanResult, remove_finished


def clean_up(config: Config, say: Say) -> CleanResult:
    """Remove files that are no longer needed, also uploads that lost their shard."""
    with open_session(RunSettings.of(config), "clean", say, existing=True) as session:
        result = remove_finished(session.context, orphans=True)
        result.local += make_room(session) + remove_put(session.workspace.exports)
        result.review_bytes = clear_cache(session.workspace.review)
        return result
