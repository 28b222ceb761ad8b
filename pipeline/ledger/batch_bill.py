"""Bill of a whole batch: the service's own sums of tokens against those of its answers."""

from __future__ import annotations

from pipeline.core.batch_usage import TokenSums, difference_words, tokens_beyond
from pipeline.core.pricing import ImpossibleUsage, PriceSheet, line_cost
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.shards import Shard
from pipeline.records import Nano, Usage

_SUMS = """
SELECT COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0),
    SUM(prompt_tokens IS NULL AND billed IS NOT 0)
FROM answers WHERE batch = ?
"""


def record_beyond(database: Database, shard: Shard, batch: Batch) -> tuple[Nano, str]:
    """Record what a batch cost beyond its answers; gives it, and the difference in words.

    Answers of unknown cost count at what was reserved for them, so that nothing is beyond them.
    """
    if batch.usage is None:
        return 0, ""
    row = database.one(_SUMS, (batch.row,))
    prompt, completion, unknown = row or (0, 0, 0)
    if unknown:
        return 0, ""
    lines = TokenSums(int(prompt), int(completion))  # type: ignore[call-overload]
    more = tokens_beyond(batch.usage, lines)
    cost = 0 if more is None else _cost(more, shard)
    if cost:
        database.execute("UPDATE batches SET beyond = ? WHERE id = ?", (cost, batch.row))
    return cost, difference_words(batch.usage, lines)


def _cost(more: TokenSums, shard: Shard) -> Nano:
    """Cost of further tokens at the prices of one line; 0 where no price is known."""
    if not shard.prices:
        return 0
    try:
        usage = Usage(prompt=more.prompt, completion=more.completion)
        return line_cost(usage, PriceSheet.from_text(shard.prices))
    except (ImpossibleUsage, ValueError):
        return 0
