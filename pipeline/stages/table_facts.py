"""Facts about the tables as they were last written, and what comes before both are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ledger import Ledger
from pipeline.ledger.page_cache import small_cache
from pipeline.system.files import checksum_of

if TYPE_CHECKING:
    from pipeline.stages.values import CaptionTask

# keys in the ledger's meta
STALE = "table_stale"
COUNTED = "outcomes:"  # facts that hold for this table only
REVIEWED = "table_reviewed"  # last step of people that the table holds
REVIEWED_AS = "table_reviewed_as"  # its checksum
_UNSHOWN = f"{COUNTED}unshown"


def bind_sources(ledger: Ledger, task: CaptionTask) -> None:
    """Bind the rows of a task's sources to its spec; the table is stale where that changes one."""
    for source in task.sources:
        with ledger.database.transaction("use_spec"):
            if ledger.images.use_spec(source, task.spec, task.recipe.admission):
                ledger.put(STALE, "1")


def known_outcomes(ledger: Ledger, source: int | None = None) -> Counter[str] | None:
    """Counts of a source's images by outcome, or of all, as the table holds them; None when they
    were not counted since it was written, or something has changed."""
    counts = ledger.get(f"{COUNTED}{source or 'all'}")
    if counts is None or ledger.get(STALE) is not None:
        return None
    return Counter(json.loads(counts))


def count_outcomes(ledger: Ledger, source: int | None = None) -> Counter[str]:
    """Counts of a source's images by outcome, or of all, made once for each table: counting a
    million images takes longer than crawling them."""
    counts = known_outcomes(ledger, source)
    if counts is not None:
        return counts
    with small_cache(ledger.database):
        by_source = ledger.rows.outcomes_by_source()
    total = sum(by_source.values(), Counter[str]())
    with ledger.database.transaction("counted"):
        ledger.put(f"{COUNTED}all", json.dumps(total))
        ledger.put(_UNSHOWN, str(ledger.rows.unshown_captions()))
        for number, counts in by_source.items():
            ledger.put(f"{COUNTED}{number}", json.dumps(counts))
    return total if source is None else by_source.get(source, Counter())


def unshown_captions(ledger: Ledger) -> int:
    """Number of captions that no image shows; it was counted with the outcomes, or is now."""
    count = ledger.get(_UNSHOWN)
    if count is None or ledger.get(STALE) is not None:
        return ledger.rows.unshown_captions()
    return int(count)


def outcomes_by_source(ledger: Ledger, sources: tuple[int, ...] | None) -> dict[int, Counter[str]]:
    """Counts by outcome of each of these sources; for None, of all together under row 0."""
    return {source: count_outcomes(ledger, source or None) for source in sources or (0,)}


def table_step(ledger: Ledger) -> int:
    """Last step of people that the table holds, 0 for none."""
    return int(ledger.get(REVIEWED) or 0)


def table_metadata(ledger: Ledger) -> Mapping[str, str]:
    """Facts about a whole table: its workspace, and the words behind each `spec_id`."""
    return {
        "captionmill.workspace": ledger.workspace_id(),
        "captionmill.prompts": json.dumps(ledger.specs.texts()),
    }


def is_as_written(path: Path, xxh3: str | None) -> bool:
    """Tell whether a table is there as it was written, None for none; XXH3 reads it as quickly as
    the disk."""
    try:
        return path.is_file() and xxh3 == checksum_of(path).hex()
    except OSError:
        return False


def elect(ledger: Ledger, *, touched: bool) -> int:
    """Replace representatives that are gone, see `Works.elect_representatives`."""
    with ledger.database.transaction("representatives"):
        return ledger.works.elect_representatives(touched=touched)
