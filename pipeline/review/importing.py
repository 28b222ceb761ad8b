"""Import of captions that people corrected elsewhere: what becomes an edit, and what a conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from pipeline.core.judgements import Action, Judgement
from pipeline.errors import UsageError
from pipeline.review.judging import judgement_of
from pipeline.review.sheets import SheetRow, mark_of

_ACTIONS: Mapping[str, Action] = {
    "accepted": "accept",
    "rejected": "reject",
    "again": "again",
    "": "clear",
}


class Import(Struct):
    """Judgements that an import records, and what it leaves to a person.

    Attributes:
        judgements: one a picture.
        unchanged: rows that nobody touched, or that say what is in force already.
        conflicts: sentences; nothing is recorded for them.
    """

    judgements: dict[tuple[bytes, str], Judgement] = field(default_factory=dict)
    unchanged: int = 0
    conflicts: list[str] = field(default_factory=list)

    def take(self, judgement: Judgement, key: tuple[bytes, str], place: str) -> None:
        """Take in a judgement; two different ones for a picture are a conflict."""
        before = self.judgements.get(key)
        if before is None:
            self.judgements[key] = judgement
        elif (before.action, before.caption) == (judgement.action, judgement.caption):
            self.unchanged += 1
        else:
            self.conflicts.append(f"{place}: another row says otherwise about the same picture")


def import_rows(
    rows: Iterable[SheetRow], cards_of: Callable[[bytes], Sequence[Mapping[str, Any]]]
) -> Import:
    """Import of a sheet.

    Args:
        cards_of: gives the cards of a picture by its SHA-256.
    """
    result = Import()
    for row in rows:
        if not row.caption_changed and not row.review_changed:
            result.unchanged += 1
            continue
        place = f"row {row.number} ({row.path})"
        try:
            _import_row(row, cards_of, place, result)
        except UsageError as error:
            result.conflicts.append(f"{place}: {error}")
    return result


def _import_row(
    row: SheetRow,
    cards_of: Callable[[bytes], Sequence[Mapping[str, Any]]],
    place: str,
    result: Import,
) -> None:
    card = _card_of(row, cards_of)
    if card is None:
        raise UsageError("this workspace has no such image")
    now = mark_of(card["caption"], card["review"])
    if row.caption_changed and mark_of(card["caption"], "") == mark_of(row.caption, ""):
        result.unchanged += 1  # somebody took it in before
        return
    if not row.caption_changed and (card["review"] or "") == row.review:
        result.unchanged += 1
        return
    if now != row.exported:
        raise UsageError(
            f"it was changed here since the sheet was written, and is now {_shown(card)}"
        )
    key = (card["source_id"], card["selector"])
    if row.caption_changed and row.caption.strip():
        text = row.caption.replace("\r\n", "\n").replace("\r", "\n")
        result.take(judgement_of(card, "edit", caption=text), key, place)
        return
    if row.caption_changed and row.review in ("", "edited", "accepted"):
        raise UsageError("its caption was emptied: write 'rejected' as its review to reject it")
    if row.review not in _ACTIONS:
        raise UsageError(f"{row.review!r} is no review: accepted, rejected, again, or nothing")
    result.take(judgement_of(card, _ACTIONS[row.review]), key, place)


def _card_of(
    row: SheetRow, cards_of: Callable[[bytes], Sequence[Mapping[str, Any]]]
) -> Mapping[str, Any] | None:
    try:
        source_id = bytes.fromhex(row.image)
    except ValueError:
        raise UsageError("its column 'image' was changed: it says which image it is") from None
    cards = cards_of(source_id)
    return next((card for card in cards if card["selector"] == row.values), None)


def _shown(card: Mapping[str, Any]) -> str:
    return card["review"] if card["caption"] is None else repr(card["caption"][:80])


def import_texts(
    texts: Iterable[tuple[Mapping[str, Any], str]], prefix: str, suffix: str
) -> Import:
    """Import of texts that stand beside the images.

    Args:
        texts: (card, text of its file) pairs.
        prefix, suffix: taken off each text, as they were put around it.
    """
    result = Import()
    for card, beside in texts:
        text = beside.strip().removeprefix(prefix.strip()).removesuffix(suffix.strip()).strip()
        known = [(card[name] or "").strip() for name in ("caption", "model_caption")]
        if not text or text in known:
            result.unchanged += 1  # as it was written, or older than what is in force
        elif card["review"] in ("edited", "rejected"):
            result.conflicts.append(
                f"{card['path']}: the text beside it says {text[:80]!r}, here it is {_shown(card)}"
            )
        else:
            judgement = judgement_of(card, "edit", caption=text)
            result.take(judgement, (card["source_id"], card["selector"]), card["path"])
    return result
