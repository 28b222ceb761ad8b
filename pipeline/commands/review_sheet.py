"""Review without the page: sheets and texts written and taken back, images marked to go again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.commands.review_index import ReviewIndex, open_review_index
from pipeline.config import Config
from pipeline.core.encodings import decode_text
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.review.importing import Import, import_rows, import_texts
from pipeline.review.judging import Change, bulk_judgements, label_of
from pipeline.review.library import Library
from pipeline.review.search import Search
from pipeline.review.sheets import COLUMNS, read_sheet, write_sheet
from pipeline.sinks.earlier_export import refuse_other_rows
from pipeline.sources import to_path, to_text
from pipeline.system.regular_file import open_regular

_LARGEST_TEXT = 1_000_000  # bytes


def export_sheet(config: Config, path: Path) -> int:
    """Write every present image to a sheet; gives their number.

    Raises:
        UsageError: there is no workspace, or `path` is a file of it, no sheet, or one with edits.
        StorageError: it cannot be written.
    """
    with open_review_index(config) as opened:
        opened.settings.output.refuse_own(opened.workspace, path)
        _refuse_edited(opened, path)
        return write_sheet(path, opened.library.each(Search.of([])))


def _refuse_edited(opened: ReviewIndex, path: Path) -> None:
    """Refuse to write over a file that is no sheet, or one that somebody edited since.

    Raises:
        UsageError: it is one.
    """
    refuse_other_rows(path, COLUMNS)
    if not path.exists():
        return
    edited = import_rows(read_sheet(path), opened.library.cards_of_file)
    if edits := len(edited.judgements) + len(edited.conflicts):
        raise UsageError(
            f"{path} has {counted(edits, 'edit')} that 'captionmill review --import' has not "
            "taken back: do that before, or name another file"
        )


def import_sheet(config: Config, path: Path) -> Import:
    """Take back a sheet; what is in conflict is left as it is.

    Raises:
        UsageError: it is no sheet of ours.
    """
    with open_review_index(config) as opened:
        result = import_rows(read_sheet(path), opened.library.cards_of_file)
        _record(opened, result, f"imported from {path.name}")
    return result


def import_sidecars(config: Config) -> Import:
    """Take back the texts beside the images that somebody edited; see `import_sheet`."""
    with open_review_index(config) as opened:
        affixes = opened.settings.output.form.affixes
        result = import_texts(_texts(opened.library), affixes.prefix, affixes.suffix)
        _record(opened, result, "imported from the texts beside the images")
    return result


def _texts(library: Library) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(card, text) of each image with a text beside it; of two that share one, the first."""
    last = None
    for card in library.each(Search.of([])):
        if card["file"] is None or card["source_id"] is None:
            continue
        path = Path(to_path(card["file"])).with_suffix(".txt")
        if path == last:
            continue
        with contextlib.suppress(OSError):
            with open_regular(path) as stream:
                data = stream.read(_LARGEST_TEXT + 1)
            text, encoding = decode_text(data)
            if encoding != "?" and len(data) <= _LARGEST_TEXT:
                last = path
                yield card, text


def _record(opened: ReviewIndex, result: Import, note: str) -> None:
    judgements = list(result.judgements.values())
    if judgements:
        label = f"{counted(len(judgements), 'caption')} imported"
        reviewer = opened.settings.reviewer
        opened.edits.append(
            judgements, at=int(time.time()), label=label, reviewer=reviewer, note=note
        )
        opened.index.refresh_judged()


def recaption(config: Config, paths: Sequence[str], note: str = "") -> tuple[int, str]:
    """Mark images for another go; gives how many, and what the next run will ask for in words.

    Args:
        paths: of images or folders, as the table names them or as files.

    Raises:
        UsageError: a path is about no image, or none of them can go again.
    """
    with open_review_index(config) as opened:
        cards = {card["id"]: card for path in paths for card in _cards_at(opened.library, path)}
        change = Change("again")
        judgements = list(bulk_judgements(cards.values(), change))
        if not judgements:
            raise UsageError(
                "none of them can go again: they were never sent, are on their way, or are marked"
            )
        opened.edits.append(
            judgements,
            at=int(time.time()),
            label=label_of("again", len(judgements)),
            reviewer=opened.settings.reviewer,
            note=note,
        )
        opened.index.refresh_judged()
        return len(judgements), opened.library.next_run()


def _cards_at(library: Library, path: str) -> list[dict[str, Any]]:
    if not path:  # as of an unset variable, and not all images
        raise UsageError("an empty name is no image: name an image or a folder")
    file = str(Path(path).expanduser().resolve())
    cards = library.cards_at(to_text(path).rstrip("/"), to_text(file))
    if not cards and "\\" in path:  # as the table names what is not UTF-8
        cards = library.cards_at(path.rstrip("/"), file)
    if not cards:
        raise UsageError(f"no image of this workspace is at {path}")
    return cards
