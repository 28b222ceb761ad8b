"""Audit of the index's cards: findings of each caption by itself as it comes in, and those about
captions beside each other from numbers that are stored for each.

Both are bits of a card, so that the page filters by them. What is said about one caption in words
is found again when it is shown.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pipeline.core.audit import BITS, SHARED, AuditRules, bits_of
from pipeline.core.caption_checks import caption_findings, runs_of
from pipeline.core.caption_sketch import BANDS, sketches
from pipeline.core.caption_words import language_of, opening_of, split_words
from pipeline.core.thing_words import unnamed_things
from pipeline.review.index_file import IndexFile, remember, remembered_fact

_OPENING_WORDS = 4
_ASKED_LANGUAGE = ("language", "lang", "locale")  # columns by which a prompt asks for a language
_UNLIKE_BITS = 24  # of 128: pictures whose hashes differ by more are unlike
_PART = 5000  # cards in one transaction
_DUE = "comparing is due"

_REMEMBER_TEXT = f"""INSERT OR REPLACE INTO texts (card, original, picture, prompt, words, opening,
    language, {", ".join(f"band{n}" for n in range(BANDS))}, shared)
    VALUES (?, ?, ?, ?, ?, ?, ?, {", ".join("?" * BANDS)}, ?)"""
_SAME_WORDS = """
SELECT t.words, t.original, t.picture FROM texts t WHERE t.words IN (
    SELECT words FROM texts GROUP BY words HAVING COUNT(DISTINCT original) >= ?)
ORDER BY t.words, t.original"""
_SAME_OPENING = """
SELECT opening FROM texts JOIN (SELECT prompt, COUNT(*) AS times FROM texts GROUP BY prompt) all_
USING (prompt) WHERE opening IS NOT NULL
GROUP BY prompt, opening HAVING COUNT(*) >= MAX(?, ? * all_.times)"""
_LANGUAGES = """
SELECT prompt, language, COUNT(*) FROM texts WHERE language <> '' GROUP BY prompt, language
ORDER BY prompt"""
_ALIKE = "SELECT {band} FROM texts WHERE {band} IS NOT NULL GROUP BY {band} "
_ALIKE += "HAVING COUNT(DISTINCT original) >= ?"


def _is(kind: str, value: str) -> str:
    return f"EXISTS (SELECT 1 FROM remarkable r WHERE r.kind = '{kind}' AND r.value = {value})"


_WANTED = f"""
SELECT card, wanted FROM (SELECT card, shared,
    {_is("same_text", "t.words")} * {BITS["same_text"]}
    + {_is("same_opening", "t.opening")} * {BITS["same_opening"]}
    + ({" OR ".join(_is(f"band{n}", f"t.band{n}") for n in range(BANDS))}) * {BITS["alike"]}
    + {_is("language", "t.prompt || ' ' || t.language")} * {BITS["language"]}
    AS wanted FROM texts t WHERE card > ?) WHERE wanted <> shared ORDER BY card LIMIT {_PART}"""


class CaptionAudit:
    """Audit by `rules`; `prompt_of` gives the texts of the prompt of a spec of the ledger."""

    def __init__(self, rules: AuditRules, prompt_of: Callable[[int], Sequence[str]]) -> None:
        self.rules = rules
        self._prompt_of = prompt_of
        self._runs: dict[int, frozenset[str]] = {}

    def follow_rules(self, writer: sqlite3.Connection) -> bool:
        """Remember the rules in the index; tells whether its cards were audited by others."""
        checks, rules = repr((self.rules.checks, sorted(self.rules.off))), repr(self.rules)
        if remembered_fact(writer, "audit rules") != rules:
            remember(writer, _DUE, "yes")
            remember(writer, "audit rules", rules)
        stale = remembered_fact(writer, "audit checks") != checks
        remember(writer, "audit checks", checks)
        return stale

    def details(self, card: Mapping[str, Any], things: Sequence[str] = ()) -> dict[str, str]:
        """Findings of a card by itself: kind -> what in the caption it is about.

        Args:
            things: what the local captioner saw in its picture, see `things_of`.
        """
        text = card["caption"]
        return {} if text is None else self._details(card, split_words(text), things)

    def _details(
        self, card: Mapping[str, Any], words: Sequence[str], things: Sequence[str]
    ) -> dict[str, str]:
        text, runs = card["caption"], self._runs_of(card["spec"])
        findings = caption_findings(text, words, self.rules.checks, runs)
        details = {each.kind: each.detail for each in findings}
        if things and language_of(text, words) in ("English", ""):
            details["unnamed"] = ", ".join(unnamed_things(things, words))
        return {kind: text for kind, text in details.items() if text and kind not in self.rules.off}

    def _runs_of(self, spec: int | None) -> frozenset[str]:
        if spec is None:
            return frozenset()
        if spec not in self._runs:
            self._runs[spec] = runs_of(self._prompt_of(spec), self.rules.checks.echo_words)
        return self._runs[spec]

    # -- one by one ------------------------------------------------------------------------------

    def take(self, writer: sqlite3.Connection, cards: Sequence[dict[str, Any]]) -> None:
        """Set `findings` of cards that are about to be written, and store what is compared."""
        before = _stored(writer, [card["id"] for card in cards])
        texts, gone = [], []
        for card in cards:
            card["findings"] = 0
            if card["caption"] is not None and card["present"]:
                texts.append((card, split_words(card["caption"])))
            elif card["id"] in before:
                gone.append((card["id"],))
        changed = []
        things = things_of(writer, [card["source_id"] for card, _ in texts])
        bands_of = sketches([words for _, words in texts])
        for (card, words), bands in zip(texts, bands_of, strict=True):
            old = before.get(card["id"])
            cells = _cells(card, words, bands, old)
            shared = cells[-1]
            details = self._details(card, words, things.get(card["source_id"], ()))
            card["findings"] = bits_of(details) | shared
            if old is None or (old["prompt"], old["words"]) != (cells[3], cells[4]):
                changed.append(cells)
        writer.executemany(_REMEMBER_TEXT, changed)
        writer.executemany("DELETE FROM texts WHERE card = ?", gone)
        if changed or gone:
            remember(writer, _DUE, "yes")

    # -- beside each other -----------------------------------------------------------------------

    def compare(self, index: IndexFile, stopped: Callable[[], bool]) -> bool:
        """Compare all captions, where one has changed since; tells whether that was so.

        Reads beside whoever writes; what it writes goes in short transactions, and what was
        interrupted is done again.
        """
        if not index.rows("SELECT 1 FROM facts WHERE key = ? AND value <> 'no'", (_DUE,)):
            return False
        with index.writing() as writer:
            remember(writer, _DUE, "begun")
        remarkable = [
            each for each in self._remarkable(index) if _kind(each[0]) not in self.rules.off
        ]
        with index.writing() as writer:
            writer.execute("DELETE FROM remarkable")
            writer.executemany("INSERT OR IGNORE INTO remarkable VALUES (?, ?)", remarkable)
        last = -1
        while not stopped():
            rows = [(wanted, card) for card, wanted in index.rows(_WANTED, (last,))]
            with index.writing() as writer:
                if not rows:
                    if remembered_fact(writer, _DUE) == "begun":
                        remember(writer, _DUE, "no")
                    break
                writer.executemany("UPDATE texts SET shared = ? WHERE card = ?", rows)
                writer.executemany(
                    f"UPDATE cards SET findings = findings & ~{SHARED} | ? WHERE id = ?", rows
                )
            last = rows[-1][1]
        return True

    def _remarkable(self, index: IndexFile) -> Iterator[tuple[str, object]]:
        """(kind, value of `texts`) of what is remarkable beside the rest."""
        rules = self.rules
        rows = index.each(_SAME_WORDS, (rules.same_text,))
        for words, group in groupby(rows, key=lambda row: row["words"]):
            if _unlike(group, rules.same_text):
                yield "same_text", words
        for (opening,) in index.each(_SAME_OPENING, (rules.few, rules.opening_share)):
            yield "same_opening", opening
        captions = index.rows("SELECT COUNT(*) FROM texts")[0][0]
        for band in (f"band{n}" for n in range(BANDS)):
            statement = _ALIKE.format(band=band)
            for (value,) in index.each(statement, (rules.least_alike(captions),)):
                yield band, value
        rows = index.each(_LANGUAGES)
        for prompt, group in groupby(rows, key=lambda row: row["prompt"]):
            counts = {language: times for _, language, times in group}
            total, most = sum(counts.values()), max(counts, key=lambda name: counts[name])
            if total >= rules.few and counts[most] >= rules.language_share * total:
                yield from (("language", f"{prompt} {name}") for name in counts if name != most)


def things_of(
    connection: sqlite3.Connection, sources: Sequence[bytes | None]
) -> dict[bytes | None, list[str]]:
    """Things that the local captioner saw, of those pictures that it looked at."""
    if not connection.execute("SELECT 1 FROM seen LIMIT 1").fetchone():
        return {}
    marks = ", ".join("?" * len(sources))
    rows = connection.execute(
        f"SELECT source_id, things FROM seen WHERE source_id IN ({marks})", sources
    )
    return {source_id: json.loads(things) for source_id, things in rows}


def _kind(place: str) -> str:
    return "alike" if place.startswith("band") else place


def _stored(writer: sqlite3.Connection, ids: Sequence[int]) -> dict[int, sqlite3.Row]:
    marks = ", ".join("?" * len(ids))
    statement = f"SELECT card, prompt, words, picture, shared FROM texts WHERE card IN ({marks})"
    return {row["card"]: row for row in writer.execute(statement, ids)}


def _cells(
    card: Mapping[str, Any], words: Sequence[str], bands: tuple[int, ...], old: sqlite3.Row | None
) -> tuple[Any, ...]:
    """Row of `texts`; a card that was read from the index brings no picture along."""
    values = json.loads(card["selector"])
    language = next((values[name] for name in _ASKED_LANGUAGE if name in values), "")
    prompt = _number(f"{card['spec']} {language}")
    opening = opening_of(words, _OPENING_WORDS)
    return (
        card["id"],
        card["original"],
        old["picture"] if old and "picture" not in card else card.get("picture"),
        prompt,
        _number(" ".join(words) or card["caption"]),
        _number(f"{prompt} {opening}") if opening else None,
        language_of(card["caption"], words),
        *(bands or (None,) * BANDS),
        old["shared"] if old else 0,
    )


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _unlike(rows: Iterable[Any], enough: int) -> bool:
    """Tell whether `enough` pictures with one text are unlike each other, as unhashed ones are
    taken to be."""
    hashes: list[int] = []
    count = 0
    for _, same in groupby(rows, key=lambda row: row["original"]):
        picture = next(same)["picture"]
        if picture is None:
            count += 1
        else:
            value = int.from_bytes(picture, "big")
            if all((value ^ other).bit_count() > _UNLIKE_BITS for other in hashes):
                hashes.append(value)
                count += 1
        if count >= enough:
            return True
    return False
