"""Captions as text files beside their images, as a run writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pipeline.core.cells import Cells
from pipeline.core.existing_text import SIDECAR
from pipeline.core.sidecar_texts import COLUMNS
from pipeline.core.skipped_files import beside_images
from pipeline.core.stored_address import is_file
from pipeline.core.table import Row
from pipeline.core.words import counted
from pipeline.ledger.captions import Captions
from pipeline.review.in_force import captions_in_force
from pipeline.session.session import Session
from pipeline.sinks import OUTPUTS, OutputOptions
from pipeline.sinks.sidecars import CaptionBeside, SidecarForm
from pipeline.sources import to_path
from pipeline.stages.export import BESIDE

_PAGE = 1000


def write_beside(session: Session) -> list[str]:
    """Write the texts beside the images, when anything has changed; gives problems as sentences."""
    form, ledger = session.settings.output.sidecars, session.ledger
    if form is None or ledger.get(BESIDE) == form.to_text():
        return []
    texts = _captions(session) if form.is_plain else _filled(session, form)
    downloads = session.workspace.urls
    here = (text for text in texts if downloads not in text.image.parents)
    affixes = session.settings.output.form.affixes
    sink = OUTPUTS["sidecars"](
        OutputOptions(
            form=form,
            encoding=session.settings.source.encoding,
            is_ours=lambda source_id, text: ledger.existing_texts.wrote(source_id, text, affixes),
        )
    )
    cells = Cells([column.name for column in COLUMNS], COLUMNS)
    written = sink.write(_noted(session, here), cells, {})
    if written.summary:
        session.context.say(written.summary)
    ledger.put(BESIDE, form.to_text() if written.complete else None)
    return list(written.problems)


def check_sidecars(session: Session, skipped: Mapping[str, int]) -> None:
    """Check what is to be written beside the images, before anything is paid for; say once that
    texts are kept while their images are paid for. `skipped` counts files of the source by suffix.

    Raises:
        UsageError: the template names a column that there is not.
    """
    form = session.settings.output.sidecars
    if form is None:
        return
    if not form.is_plain:
        from pipeline.session.export_rows import TableRows

        form.text(dict.fromkeys(TableRows(session).fields(None, "caption")))
    texts = skipped.get(beside_images(form.suffix), 0)
    is_sparing = SIDECAR in session.settings.text_places.words
    is_first = not session.ledger.existing_texts.any_written()
    if form.policy == "keep" and texts and is_first and not is_sparing:
        session.context.say(
            f"{counted(texts, f'{form.suffix} file')} beside the images: [output] sidecars = "
            '"keep" leaves them as they are, and the images are paid for all the same; [input] '
            'skip_captioned = ["sidecar"] does not send those that have a text'
        )


def _captions(session: Session) -> Iterator[CaptionBeside]:
    """Captions alone, without the other columns of the table."""
    affixes = session.settings.output.form.affixes
    files = Captions(session.ledger.database).file_captions()
    for path, source_id, caption in captions_in_force(files, session.edits):
        yield CaptionBeside(Path(to_path(path)), affixes.of(caption), source_id)


def _filled(session: Session, form: SidecarForm) -> Iterator[CaptionBeside]:
    """Texts that are filled from the columns of the table."""
    from pipeline.session.export_rows import TableRows

    rows = TableRows(session)
    fields = rows.fields(None, "caption")
    for row in rows():
        place, ours = row["location"], row["outcome"] != "had_caption" or row["review"] == "edited"
        if place and ours and row["caption"] is not None and is_file(place):
            text = form.text({name: row[column] for name, column in fields.items()})
            source_id = bytes.fromhex(row["source_id"] or "")
            yield CaptionBeside(Path(to_path(place)), text, source_id)


def _noted(session: Session, texts: Iterable[CaptionBeside]) -> Iterator[Sequence[Row]]:
    """Pages of texts that the ledger knows as ours before they are written."""
    ledger, iterator = session.ledger, iter(texts)
    while page := list(islice(iterator, _PAGE)):
        with ledger.database.transaction("written_texts"):
            ledger.existing_texts.note_written((text.source_id, text.text) for text in page)
        yield [(str(text.image), text.text, text.source_id) for text in page]
