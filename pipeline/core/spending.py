"""Money spent by day, model and the like: sums of the books' charges by group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from msgspec import Struct

from pipeline.core.image_tokens import Detail, ImageRule, image_tokens
from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.core.words import counted
from pipeline.records import Nano, Usage

BY_COLUMN = "column:"
"""How a grouping by a column of the manifest begins."""
GROUPINGS = ("day", "month", "run", "model", "prompt", "folder")
"""Groupings beside those by a column."""
_IN_ORDER = ("day", "month", "run")


class Spend(Struct, frozen=True):
    """Charges of one group; money in nano-dollars.

    Attributes:
        group: a day, a model and so on; "" where the books do not know.
        note: words on the group, "" for none.
        requests: those answered.
        estimated, estimated_requests: expected cost, and of how many of them it is known.
        billed: what the books charge, also for batches that were written off.
        service_cost, service_cost_requests: cost as the service itself names it, and for how many.
        prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens: as billed; the second
            and the fourth are part of the one before.
    """

    group: str = ""
    note: str = ""
    requests: int = 0
    estimated: Nano = 0
    estimated_requests: int = 0
    billed: Nano = 0
    service_cost: Nano = 0
    service_cost_requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    def plus(self, other: Self) -> Self:
        """Sum of both, under the group and note of this one."""
        sums = (getattr(self, name) + getattr(other, name) for name in _SUMMED)
        return type(self)(self.group, self.note, *sums)


_SUMMED = Spend.__struct_fields__[2:]


class Savings(Struct, frozen=True):
    """Cost that the images of the table did not have; money in nano-dollars.

    Attributes:
        duplicates: images of which another one was sent with the same bytes and prompt, where that
            one's cost is known.
        saved: for each of them, the bill of the first request that it would have repeated.
        known: requests for images of the table that the last run had no need to send, as runs
            before it had.
        known_saved: their bills.
        smaller: requests whose image was sent smaller than it is, where the price is known.
        smaller_saved: price of the prompt tokens that the larger images would have had more.
    """

    duplicates: int = 0
    saved: Nano = 0
    known: int = 0
    known_saved: Nano = 0
    smaller: int = 0
    smaller_saved: Nano = 0

    def parts(self) -> Iterator[tuple[str, str, int, Nano]]:
        """Ways in which money was saved: name for figures, words with the number, number, sum."""
        duplicates = f"{counted(self.duplicates, 'duplicate')} not sent"
        known = f"{counted(self.known, 'request')} paid by earlier runs and not sent again"
        smaller = f"{counted(self.smaller, 'image')} sent smaller than in the file"
        yield "duplicates", duplicates, self.duplicates, self.saved
        yield "known", known, self.known, self.known_saved
        yield "smaller", smaller, self.smaller, self.smaller_saved


class SentSmaller(Struct, frozen=True):
    """Answered requests of one price whose images had one size and were sent in another one.

    Attributes:
        detail: as it was asked for.
        prices: text of the price sheet by which they are billed, "" for none.
        original, sent: width and height in pixels.
    """

    requests: int
    model: str
    detail: Detail
    prices: str
    original: tuple[int, int]
    sent: tuple[int, int]


def smaller_saving(group: SentSmaller, rule: ImageRule | None) -> Nano | None:
    """Price of the tokens that a group's images did not have because of their size, None where it
    is not known or the service would have refused them as they are."""
    if rule is None or not group.prices:
        return None
    try:
        tokens = [image_tokens(*size, rule, group.detail) for size in (group.original, group.sent)]
        sheet = PriceSheet.from_text(group.prices)
    except ValueError:
        return None
    return group.requests * line_cost(Usage(max(0, tokens[0] - tokens[1])), sheet)


class Spending(Struct, frozen=True):
    """Books of a workspace by group.

    Attributes:
        by: the grouping, one of `GROUPINGS`, or `BY_COLUMN` and a column's name.
        groups: by time for days, months and runs, else the dearest first; unknown ones last.
        reserved: nano-dollars of requests under way, at most; in no group.
    """

    by: str
    groups: tuple[Spend, ...]
    reserved: Nano = 0
    savings: Savings = Savings()

    @property
    def total(self) -> Spend:
        """Sum of all groups."""
        total = Spend()
        for spend in self.groups:
            total = total.plus(spend)
        return total


def grouped(by: str, rows: Iterable[Spend]) -> tuple[Spend, ...]:
    """One sum a group, in the order that `Spending` describes."""
    sums: dict[str, Spend] = {}
    for row in rows:
        sums[row.group] = sums[row.group].plus(row) if row.group in sums else row

    def place(spend: Spend) -> tuple[object, ...]:
        if by in _IN_ORDER:
            return not spend.group, len(spend.group), spend.group
        return not spend.group, -spend.billed, spend.group

    return tuple(sorted(sums.values(), key=place))
