"""Near-duplicates of a source, before anything depends on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.commands.estimate import crawled_source, priced_identity
from pipeline.config import Config
from pipeline.config.model import NearDuplicatesConfig
from pipeline.session.settings import RunSettings
from pipeline.stages.dedupe import NearDuplicate, near_duplicates_of, represent_near_duplicates


def find_alike(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    distance: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> list[NearDuplicate]:
    """List new images that look like another one, before anything depends on it. Nothing is sent.

    Args:
        distance: bits of the 128 that may differ; the configured ones (else 16) when None.

    Raises:
        CaptionmillError: see the error tree.
    """
    options = config.images.near_duplicates or NearDuplicatesConfig()
    images = config.images.model_copy(update={"near_duplicates": options})
    changed = config.model_copy(update={"images": images})
    settings = RunSettings.of(changed).over(data, manifest)
    identity = priced_identity(settings.account, ())
    with crawled_source(settings, data, manifest, identity, say) as crawled:
        bits = options.distance if distance is None else distance
        represent_near_duplicates(
            crawled.ledger, crawled.task, crawled.engine, crawled.locate, bits
        )
        represented = near_duplicates_of(crawled.ledger, crawled.task.source)
        crawled.ledger.near_duplicates.set_represented(crawled.task.source, {})
        return represented
