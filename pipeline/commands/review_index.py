"""Index of a workspace's captions for commands: brought up to date, with the record of edits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec import Struct

from pipeline.config import Config
from pipeline.review.edits import Edits
from pipeline.review.index import Index
from pipeline.review.library import Library
from pipeline.session.account import resolve_account
from pipeline.session.audit import audit_rules
from pipeline.session.mirrored_reviews import MirroredReviews
from pipeline.session.settings import RunSettings
from pipeline.system.files import temporary_folder
from pipeline.system.workspace import Workspace


class ReviewIndex(Struct, frozen=True):
    """Index of a workspace that follows its ledger, with the record of edits."""

    settings: RunSettings
    workspace: Workspace
    edits: Edits
    index: Index
    library: Library


@contextlib.contextmanager
def open_review_index(config: Config) -> Iterator[ReviewIndex]:
    """Index of the configured workspace, up to date; where the workspace can only be read, it is
    made in a temporary folder.

    Raises:
        UsageError: there is no workspace.
        StorageError, BooksError: its files cannot be used.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account, offline=True, existing=True)
    read_only = not workspace.writable()
    with contextlib.ExitStack() as stack:
        edits = stack.enter_context(Edits(workspace.reviews, read_only=read_only))
        folder = stack.enter_context(temporary_folder()) if read_only else workspace.review
        index = Index(
            folder / "index.db",
            workspace.ledger,
            edits,
            rules=audit_rules(config),
            read_only=read_only,
        )
        stack.callback(index.close)
        index.refresh()
        mirrored = MirroredReviews(settings, workspace, edits)
        yield ReviewIndex(settings, workspace, edits, index, Library(index, edits))
        mirrored.keep()
