"""Judgements out of cards: what a key, a button or a sheet does to one picture or to many."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from pipeline.core.judgements import Action, Judgement
from pipeline.core.words import counted
from pipeline.errors import UsageError

LONGEST_CAPTION = 100_000
"""Characters of a caption that a person may write."""

ChangeKind = Literal["accept", "reject", "again", "clear", "replace", "append", "prepend", "strip"]
_DONE: Mapping[str, str] = {
    "accept": "accepted",
    "reject": "rejected",
    "again": "to go again",
    "clear": "undecided again",
    "edit": "edited",
    "replace": "edited",
    "append": "edited",
    "prepend": "edited",
    "strip": "edited",
}


class Change(Struct, frozen=True):
    """Change of every card of a search.

    Attributes:
        kind: "replace" puts `text` where `find` stands, "append" and "prepend" add `text`,
            "strip" takes `find` away from both ends; the rest are actions.
        case: capital letters count in `find`.
        words: `find` stands for whole words only.
    """

    kind: ChangeKind
    find: str = ""
    text: str = ""
    case: bool = False
    words: bool = False

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Change:
        """Read a change as the page sends it.

        Raises:
            UsageError: it is none.
        """
        kind = value.get("kind")
        if kind not in _DONE or kind == "edit":
            raise UsageError(f"{kind!r} is no change")
        find, text = str(value.get("find") or ""), str(value.get("text") or "")
        if kind in ("replace", "strip") and not find:
            raise UsageError("say which text is to be found")
        if kind in ("append", "prepend") and not text:
            raise UsageError("say which text is to be added")
        if max(len(find), len(text)) > LONGEST_CAPTION:
            raise UsageError("that text is too long")
        return cls(
            cast(ChangeKind, kind),
            find,
            text,
            bool(value.get("case")),
            bool(value.get("words")),
        )

    @property
    def edits(self) -> bool:
        """Tell whether the change gives images another caption."""
        return _DONE[self.kind] == "edited"

    def changed_text(self, text: str) -> str:
        """Caption after the change."""
        if self.kind == "append":
            return text + self.text
        if self.kind == "prepend":
            return self.text + text
        pattern = re.escape(self.find)
        if self.words:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        flags = 0 if self.case else re.IGNORECASE
        if self.kind == "replace":
            return re.sub(pattern, lambda _match: self.text, text, flags=flags)
        return re.sub(rf"\A(?:{pattern})+|(?:{pattern})+\Z", "", text, flags=flags).strip()


def judgement_of(
    card: Mapping[str, Any],
    action: Action,
    *,
    caption: str | None = None,
    fields: Mapping[str, Any] | None = None,
    work_key: bytes | None = None,
) -> Judgement:
    """Judgement over a card as it is.

    Args:
        caption: what a person wrote, or took from another answer (`work_key`).

    Raises:
        UsageError: this cannot be done to that card, with the reason.
    """
    check_allowed(card, action, caption)
    if action == "accept" and caption is None:
        caption = card["caption"] if card["caption"] is not None else card["model_caption"]
    return Judgement(
        source_id=card["source_id"],
        values=json.loads(card["selector"]),
        action=action,
        model_caption=card["model_caption"],
        before=card["caption"],
        caption=caption if action in ("accept", "edit") else None,
        fields=_fields_after(card, action, fields),
        work_key=work_key or card["work_key"],
        attempts=card["attempts"],
    )


def _fields_after(
    card: Mapping[str, Any], action: Action, fields: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Fields that hold from now on: the given ones, else those that a person wrote before."""
    if action not in ("accept", "edit"):
        return None
    if fields is not None:
        return fields
    written = card["fields"] != card["model_fields"]
    return json.loads(card["fields"]) if written and card["fields"] else None


def check_allowed(card: Mapping[str, Any], action: Action, caption: str | None) -> None:
    """Refuse what cannot be done to a card.

    Raises:
        UsageError: with the reason, in words for people.
    """
    if card["source_id"] is None:
        raise UsageError("this image was never read, so that nothing can be kept for it")
    if action == "edit":
        if caption is None or not caption.strip():
            raise UsageError("a caption without a text is none: reject it instead")
        if len(caption) > LONGEST_CAPTION:
            raise UsageError(f"a caption has {LONGEST_CAPTION:,} characters at most")
    elif action in ("accept", "reject") and caption is None and card["model_caption"] is None:
        if card["caption"] is None:
            raise UsageError("there is no caption to judge: write one, or let it go again")
    elif action == "again":
        if card["work_key"] is None:
            raise UsageError(f"it cannot be sent: {card['reason'] or 'it was never prepared'}")
        if card["state"] != "done":
            raise UsageError("it is on its way already")
    elif action == "clear" and not card["review"] and not card["again"]:
        raise UsageError("nothing was decided about it")


def accepts_as_edit(card: Mapping[str, Any]) -> bool:
    """Tell whether accepting a card leaves it as it is: a person wrote its caption."""
    return bool(card["review"] == "edited")


def bulk_judgements(cards: Iterable[Mapping[str, Any]], change: Change) -> Iterator[Judgement]:
    """Judgements of a change over many cards; one a picture, and none where it does nothing."""
    seen: set[tuple[bytes, str]] = set()
    for card in cards:
        key = (card["source_id"], card["selector"])
        if key in seen:
            continue
        try:
            judgement = _of_change(card, change)
        except UsageError:
            continue
        if judgement is not None:
            seen.add(key)
            yield judgement


def _of_change(card: Mapping[str, Any], change: Change) -> Judgement | None:
    if change.edits:
        before = card["caption"]
        after = None if before is None else change.changed_text(before)
        if after is None or after == before:
            return None
        return judgement_of(card, "edit", caption=after)
    action: Action = change.kind  # type: ignore[assignment]
    if action == "accept" and card["review"] in ("accepted", "edited"):
        return None
    if action == "reject" and card["review"] == "rejected":
        return None
    if action == "again" and card["again"]:
        return None
    return judgement_of(card, action)


def label_of(kind: str, count: int) -> str:
    """Label of a step in words: "40 captions accepted"."""
    return f"{counted(count, 'caption')} {_DONE[kind]}"
