"""Columns of the sources of a run: remembered for the table, checked against the prompt."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pipeline.core.prompt import check_template, template_fields
from pipeline.ledger import Ledger
from pipeline.session.session import Session
from pipeline.session.settings import RunSettings
from pipeline.sources import Source
from pipeline.sources.base import SIDECAR_COLUMN

_SHOWN = 60  # characters of an example


def check_columns(session: Session, sources: Mapping[int, Source], template: str) -> None:
    """Remember the columns of sources (by their rows), refuse a prompt that names others, and say
    what it does not send.

    Raises:
        UsageError: a source lacks a column that the prompt names.
    """
    for row, source in sources.items():
        session.ledger.images.remember_columns(row, list(source.columns))
        check_template(template, source.columns, source.label if len(sources) > 1 else "")
    columns = {name for source in sources.values() for name in source.columns}
    notes = column_notes(session.settings, template, columns)
    for note in (*notes, *metadata_notes(session.ledger, sources, template)):
        session.context.say(note)


def metadata_notes(ledger: Ledger, sources: Mapping[int, Source], template: str) -> list[str]:
    """Sentence on the metadata of pictures that the prompt sends, with an example of each."""
    fields = template_fields(template)
    if not fields:
        return []
    from pipeline.sources.metadata import MetadataSource

    names = [
        name
        for name in fields
        if any(
            isinstance(source, MetadataSource) and name in source.names
            for source in sources.values()
        )
    ]
    if not names:
        return []
    examples = dict[str, str]()
    for columns in ledger.images.some_columns(tuple(sources)):
        examples |= {name: columns[name] for name in names if columns.get(name)} | examples
    shown = (
        f"{{{name}}} (e.g. {examples[name][:_SHOWN]!r})" if name in examples else f"{{{name}}}"
        for name in names
    )
    return [f"sent with each picture that has it: {', '.join(shown)}"]


def column_notes(settings: RunSettings, template: str, columns: Collection[str]) -> list[str]:
    """Sentences on columns of the source that the prompt does not send, or sends instead of
    `[prompt] values`."""
    notes = []
    sidecars = settings.source.sidecars and SIDECAR_COLUMN in columns
    if sidecars and SIDECAR_COLUMN not in template_fields(template):
        notes.append("the texts beside the images are not sent: the prompt does not name {sidecar}")
    return notes + [
        f"{{{name}}} is the source's column of that name, not [prompt] values"
        for name in settings.specs.outranked(template)
    ]
