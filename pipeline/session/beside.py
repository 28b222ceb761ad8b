"""Captions as text files beside their images, as a run writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from pipeline.core.cells import Cells
from pipeline.core.existing_text import SIDECAR
from pipeline.core.paging import paged
from pipeline.core.sidecar_texts import COLUMNS
from pipeline.core.skipped_files import beside_images
from pipeline.core.stored_address import is_file
from pipeline.core.table import Row
from pipeline.core.words import counted
from pipeline.ledger.captions import Captions
from pipeline.ledger.table_stretch import Part, folders_part
from pipeline.ledger.text_folders import TextFolder
from pipeline.review.in_force import captions_in_force
from pipeline.session.session import Session
from pipeline.sinks import OUTPUTS, OutputOptions
from pipeline.sinks.sidecars import CaptionBeside, SidecarForm
from pipeline.sinks.text_sums import sum_of_texts
from pipeline.sources import to_path, to_text
from pipeline.stages.export import BESIDE, table_cells

_MADE_AS = "sidecars_made_as"
_PAGE, _PAGE_SIZE = 1000, 8_000_000  # texts or folders, characters


def write_beside(session: Session) -> list[str]:
    """Write the texts beside the images, when anything has changed; gives problems as sentences.

    Folders are looked at of which a row of the table or a text has changed since their texts were
    as they are to be.
    """
    form, ledger = session.settings.output.sidecars, session.ledger
    if form is None or ledger.get(BESIDE) == form.to_text():
        return []
    texts, affixes = _Texts(session, form), session.settings.output.form.affixes
    sink = OUTPUTS["sidecars"](
        OutputOptions(
            form=form,
            encoding=session.settings.source.encoding,
            is_ours=lambda source_id, text: ledger.existing_texts.wrote(source_id, text, affixes),
            settled=texts.note_settled,
        )
    )
    cells = Cells([column.name for column in COLUMNS], COLUMNS)
    written = sink.write(texts.pages(), cells, {})
    if written.summary:
        session.context.say(written.summary)
    with ledger.database.transaction("beside"):
        texts.save()
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


class _Texts:
    """Texts of the folders that are to be looked at, and which of these are as they are to be."""

    def __init__(self, session: Session, form: SidecarForm) -> None:
        self._session, self._form = session, form
        self._ledger, self._folders = session.ledger, session.ledger.text_folders
        self._settled: list[tuple[str, bytes]] = []
        self._texts = _captions if form.is_plain else _filled
        cells = table_cells(session.ledger, session.settings.output.form)
        facts = json.dumps([form.to_text(), cells.fingerprint(), session.settings.source.encoding])
        if self._ledger.get(_MADE_AS) != facts:  # other texts than those of the sums
            with self._ledger.database.transaction("beside"):
                self._folders.forget()
                self._ledger.put(_MADE_AS, facts)

    def pages(self) -> Iterator[Sequence[Row]]:
        """Pages of texts that the ledger knows as ours before they are written."""
        downloads = self._session.workspace.urls
        texts = (
            text._replace(source=str(source))
            for source, part in self._parts()
            for text in self._texts(self._session, self._form, part)
            if downloads not in text.image.parents
        )
        for page in paged(texts, lambda text: len(text.text), most=_PAGE, most_size=_PAGE_SIZE):
            with self._ledger.database.transaction("written_texts"):
                self._ledger.existing_texts.note_written(
                    (text.source_id, text.text) for text in page
                )
                self.save()
            yield [(str(text.image), *text[1:]) for text in page]

    def _parts(self) -> Iterator[tuple[int, Part]]:
        """(source, part of it) in the table's order, without the folders whose texts are known to
        be as they are to be."""
        for source, place in self._folders.sources():
            if place is None:
                yield source, Part("WHERE s.id = ?", (source,))
                continue
            is_known = partial(self._is_known, place)
            for known, folders in groupby(self._folders.of_source(source), is_known):
                for first, last in () if known else _ends(folders):
                    yield source, folders_part(source, first, last)

    def _is_known(self, place: str, folder: TextFolder) -> bool:
        """Tell whether the texts of a folder below `place` are as they are to be."""
        if folder.sum is None:
            return False
        here = Path(to_path(f"{place}/{folder.path}"))
        return folder.sum == sum_of_texts(here, self._form.suffix)

    def note_settled(self, folder: Path, total: bytes) -> None:
        """Note that the texts of a folder are as they are to be, once their sum is saved."""
        self._settled.append((to_text(str(folder)), total))

    def save(self) -> None:
        """Save the sums that were noted."""
        self._folders.note(self._settled)
        self._settled = []


def _ends(folders: Iterable[TextFolder]) -> Iterator[tuple[str, str]]:
    """Paths of the first and the last one of each stretch of folders."""
    folders = iter(folders)
    while stretch := [folder.path for folder in islice(folders, _PAGE)]:
        yield stretch[0], stretch[-1]


def _captions(session: Session, _form: SidecarForm, part: Part) -> Iterator[CaptionBeside]:
    """Captions alone, without the other columns of the table."""
    affixes = session.settings.output.form.affixes
    files = Captions(session.ledger.database).file_captions(part)
    for path, source_id, caption in captions_in_force(files, session.edits):
        yield CaptionBeside(Path(to_path(path)), affixes.of(caption), source_id)


def _filled(session: Session, form: SidecarForm, part: Part) -> Iterator[CaptionBeside]:
    """Texts that are filled from the columns of the table."""
    from pipeline.session.export_rows import TableRows

    rows = TableRows(session)
    fields = rows.fields(None, "caption")
    for row in rows(part):
        place, ours = row["location"], row["outcome"] != "had_caption" or row["review"] == "edited"
        if place and ours and row["caption"] is not None and is_file(place):
            text = form.text({name: row[column] for name, column in fields.items()})
            source_id = bytes.fromhex(row["source_id"] or "")
            yield CaptionBeside(Path(to_path(place)), text, source_id)
