"""Near-duplicates of a source, before anything depends on them."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.commands.estimate import crawled_sources, priced_identity
from pipeline.config import Config
from pipeline.config.model import NearDuplicatesConfig
from pipeline.session.settings import RunSettings
from pipeline.sources import named_places
from pipeline.sources.named_places import Named
from pipeline.stages.dedupe import NearDuplicate, near_duplicates_of, represent_near_duplicates


def find_alike(
    config: Config,
    data: Named = None,
    *,
    manifest: Named = None,
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
    places = named_places(data, manifest)
    settings = RunSettings.of(changed).over(places)
    identity = priced_identity(settings.account, ())
    with crawled_sources(settings, places, identity, say) as crawled:
        bits = options.distance if distance is None else distance
        represent_near_duplicates(
            crawled.ledger, crawled.task, crawled.engines.sparing, crawled.locate, bits
        )
        represented = near_duplicates_of(crawled.ledger, crawled.task.sources)
        crawled.ledger.near_duplicates.set_represented(crawled.task.sources, ())
        return represented
