"""Export of the table of captions, of a part of it, or of charges, from the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import StorageError, UsageError
from pipeline.records import Say
from pipeline.review.in_force import EditedRows
from pipeline.session.account import resolve_account
from pipeline.session.finish import export_all
from pipeline.session.publish import publish_outputs
from pipeline.session.publish_export import is_stored_target, target_here
from pipeline.session.reading import open_to_read
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.sinks import PARQUET, open_sink, table_suffixes
from pipeline.sinks.base import WrittenTable
from pipeline.sinks.earlier_export import refuse_others
from pipeline.stages.charges_table import write_charges
from pipeline.stages.export import write_copy


def export_table(config: Config, say: Say) -> WrittenTable:
    """Write the table anew from the ledger.

    Raises:
        UsageError: there is no workspace yet.
        StorageError: it cannot be written.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account, offline=True, existing=True)
    if not workspace.writable():
        raise StorageError(
            f"{workspace.root} cannot be written (a read-only mount, or somebody else's): "
            "'captionmill export --out FILE' writes the table to another place"
        )
    with open_session(settings, "export", say, offline=True, existing=True) as session:
        written = export_all(session, force=True)
        publish_outputs(session)
        assert written is not None
        return written


def export_copy(
    config: Config, path: str | Path, say: Say, *, source: str | None = None
) -> WrittenTable:
    """Write the rows of one source, or all, to `path`; the workspace's own table stays as it is.

    Raises:
        UsageError: there is no workspace yet, `path` is one of its files or somebody else's, or no
            source has that name.
        StorageError: it cannot be written.
    """
    with _opened(RunSettings.of(config), path, say) as session, target_here(session, path) as local:
        ledger = session.ledger
        row = None if source is None else ledger.sources.named(source).row
        form, review = session.settings.output.form, EditedRows(session.edits)
        sink = open_sink(local)
        return write_copy(ledger, sink, form, session.table, source=row, review=review)


def export_charges(config: Config, path: str | Path, say: Say) -> WrittenTable:
    """Write all that was ever charged as a Parquet file at `path`; see `core.charges`.

    Raises:
        UsageError: there is no workspace yet, or `path` is one of its files or somebody else's.
        StorageError: it cannot be written.
    """
    with _opened(RunSettings.of(config), path, say) as session, target_here(session, path) as local:
        return write_charges(session.ledger, open_sink(local))


@contextlib.contextmanager
def _opened(settings: RunSettings, named: str | Path, say: Say) -> Iterator[Session]:
    """Open a workspace to export from it, unless `named` is one of its own files or somebody
    else's, or promises another form."""
    path, is_here = Path(named), not is_stored_target(named)
    with open_to_read(settings, "export", say) as session:
        if is_here:
            settings.output.refuse_own(session.workspace, path)
        suffixes = table_suffixes()
        if path.suffix and path.suffix.lower() not in suffixes:
            raise UsageError(
                f"{path} would be written as Parquet: name it {' or '.join(suffixes)}; "
                "'captionmill export --to FORMAT TARGET' writes captions in other forms"
            )
        if is_here and path.suffix.lower() in ("", PARQUET):
            refuse_others(path)
        yield session
