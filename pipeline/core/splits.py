"""Splits and parts of an export, decided by hashes: the same rows fall where they fell before."""

from __future__ import annotations

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Generic, NamedTuple, TypeVar

from pipeline.errors import UsageError

_Item = TypeVar("_Item")

_SALT = b"captionmill.split.1\0"
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class Split(NamedTuple):
    """Name of a split and its share of all groups, in any unit."""

    name: str
    share: Decimal


TRAIN = (Split("train", Decimal(1)),)
"""One split, named as data sets without one name it."""


def parse_splits(text: str) -> tuple[Split, ...]:
    """Read splits: "train=90,validation=5,test=5".

    Raises:
        UsageError: a name or a share that cannot be one.
    """
    splits = []
    for part in text.split(","):
        name, _, share = part.strip().partition("=")
        try:
            number = Decimal(share)
        except InvalidOperation:
            number = Decimal(0)
        if not name or set(name) - _NAME_CHARACTERS or not number.is_finite() or number <= 0:
            raise UsageError(f"--split {part.strip()!r}: write NAME=SHARE, e.g. train=90,test=10")
        splits.append(Split(name, number))
    if len({split.name for split in splits}) < len(splits):
        raise UsageError("--split names a split twice")
    return tuple(splits)


def split_of(group: bytes, splits: tuple[Split, ...]) -> str:
    """Split of a group of pictures that must stay together; `group` identifies it.

    A group keeps its split when pictures come or go, and when a later split's share changes.
    """
    digest = hashlib.sha256(_SALT + group).digest()
    total = sum(split.share for split in splits)
    place = Decimal(int.from_bytes(digest[:8], "big")) / Decimal(2**64) * total
    for split in splits:
        place -= split.share
        if place < 0:
            return split.name
    return splits[-1].name


class Cutter(Generic[_Item]):
    """Cuts items into parts of about `average` at places that their own hashes decide.

    An item that comes or goes changes the part that it is in, or two; all others stay what they
    are. A part has a quarter to four times the average.
    """

    def __init__(self, average: int) -> None:
        self._average = average
        self._part: list[_Item] = []

    def add(self, item: _Item, digest: bytes) -> list[_Item] | None:
        """Add an item with a digest of its own; the part that it ends, if it ends one."""
        self._part.append(item)
        cut = int.from_bytes(digest[:8], "big") % self._average == 0
        size = len(self._part)
        return (
            self.rest()
            if (cut and size * 4 >= self._average) or size >= self._average * 4
            else None
        )

    def rest(self) -> list[_Item]:
        """Part that is not full yet; the next one begins empty."""
        part, self._part = self._part, []
        return part
