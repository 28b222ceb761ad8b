"""Export of the table of captions, or of charges, from the ledger."""

from __future__ import annotations

from pathlib import Path

from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.records import Say
from pipeline.session.finish import export_all
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.sinks import open_sink
from pipeline.sinks.base import WrittenTable
from pipeline.stages.export import write_charges


def export_table(config: Config, say: Say) -> WrittenTable:
    """Write the table anew from the ledger.

    Raises:
        UsageError: there is no workspace yet.
    """
    with open_session(
        RunSettings.of(config), "export", say, offline=True, existing=True
    ) as session:
        written = export_all(session, force=True)
        assert written is not None
        return written


def export_charges(config: Config, path: Path, say: Say) -> WrittenTable:
    """Write all that was ever charged as a Parquet file at `path`; see `core.charges`.

    Raises:
        UsageError: there is no workspace yet, or `path` is the table of captions.
        StorageError: it cannot be written.
    """
    with open_session(
        RunSettings.of(config), "export", say, offline=True, existing=True
    ) as session:
        if path.resolve() == session.table.resolve():
            raise UsageError(f"{path} is the table of captions: name another file for the charges")
        return write_charges(session.ledger, open_sink(path))
