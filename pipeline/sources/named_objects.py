"""Entries for the objects that a table names: by their addresses, or by paths that count from the
prefix of a table that lies in a bucket itself.

Each object is asked for its size and stamp, a few at the same time, and once for a listing's digest
and its entries while there is room for the answers. A bucket that cannot be used at all, for lack
of credentials say, is not asked again: its rows are out of reach, and the others go on.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from pipeline.core.reasons import OUT_OF_REACH
from pipeline.core.stored_address import scheme_of
from pipeline.errors import UsageError
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import SourceOptions, problem_entry, to_path, to_text
from pipeline.storage.object_key import ObjectKey
from pipeline.storage.objects import ObjectReader
from pipeline.storage.place import Place, is_object

HELD_AT_ONCE = 50_000
"""Answers in memory."""

_ASKED_AT_ONCE = 16
_OUTSIDE = "this leads out of the manifest's prefix (see input.allow_outside)"
_LOCAL = "a manifest in object storage names no files of this machine"


class NamedObjects:
    """Makes entries from addresses of objects, and from paths beside a table at an address."""

    def __init__(self, options: SourceOptions) -> None:
        """Take the options; no storage is asked before `ask` is called."""
        self._outside_allowed = options.allow_outside
        self._below = options.origin.rpartition("/")[0] + "/" if options.origin else ""
        self._reader = ObjectReader(options.storage)
        self._answers: dict[str, ObjectKey | Rejection] = {}
        self._unusable: dict[str, str] = {}  # sentence, by bucket

    def names(self, text: str) -> bool:
        """Tell whether a path of the table is an object's."""
        return is_object(text) or (bool(self._below) and not scheme_of(text))

    def path_of(self, name: str) -> str:
        """Address of an entry."""
        return self._address(to_path(name))

    def _address(self, text: str) -> str:
        """Address of a path of the table: a key is taken as it stands, but for segments that lead
        up."""
        if is_object(text):
            return text
        segments = text.split("/")
        if "." not in segments and ".." not in segments:
            return f"{self._below}{text}"
        place = Place.parse(self._below)
        return place.address(posixpath.normpath(f"{place.key}{text}"))

    def ask(self, texts: Iterable[str]) -> None:
        """Ask for the objects of these paths, those that `names` tells."""
        addresses = {self._address(text): None for text in texts if not self._refusal(text)}
        if len(self._answers) + len(addresses) > HELD_AT_ONCE:
            self._answers.clear()
        new = [address for address in addresses if address not in self._answers]
        if new:
            with ThreadPoolExecutor(min(_ASKED_AT_ONCE, len(new))) as pool:
                self._answers.update(zip(new, pool.map(self._describe, new), strict=True))

    def sentences(self) -> list[str]:
        """Say which buckets cannot be used, and why."""
        return list(self._unusable.values())

    def _describe(self, address: str) -> ObjectKey | Rejection:
        bucket = Place.parse(address).root
        if bucket not in self._unusable:
            try:
                return self._reader.describe(address)
            except UsageError as error:
                self._unusable.setdefault(bucket, str(error))
        return Rejection(OUT_OF_REACH, self._unusable[bucket])

    def entry(self, text: str, columns: dict[str, str], where: str) -> SourceFile:
        """Object of a row that was asked for, or the reason why there is none."""
        address = self._address(text)
        inside = bool(self._below) and address.startswith(self._below)
        name = to_text(address.removeprefix(self._below) if inside else address)
        problem, why = self._refusal(text) or ("", "")
        if problem:
            return problem_entry(name, problem, f"{where}: {why}", columns)
        answer = self._answers[address]
        if isinstance(answer, ObjectKey):
            return SourceFile(
                "", name, to_text(address), answer.size, columns=columns, stamp=answer.stamp
            )
        if answer.code == OUT_OF_REACH:
            return problem_entry(name, "out_of_reach", f"{where}: {answer.detail}", columns)
        if answer.code == "vanished":
            return problem_entry(name, "missing_file", f"{where}: there is no such object", columns)
        return problem_entry(name, "bad_path", f"{where}: {answer.detail}", columns)

    def _refusal(self, text: str) -> tuple[str, str] | None:
        """Problem and words for a path that is not asked for."""
        if not is_object(text) and text.startswith("/"):
            return "outside_root", _LOCAL
        address = self._address(text)
        try:
            place = Place.parse(address)
        except UsageError as error:
            return "bad_url", str(error)
        if not is_object(text):
            below = Place.parse(self._below).key
            if place.key.split("/")[0] == ".." or not (
                place.key.startswith(below) or self._outside_allowed
            ):
                return "outside_root", _OUTSIDE
        if not place.key or place.key.endswith("/"):
            return "not_a_file", "this names no object"
        return None
