"""Which images look alike, before anything depends on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.commands.estimate import crawled_source, priced_identity
from pipeline.config import Config
from pipeline.config.model import NearDuplicatesConfig
from pipeline.session.settings import RunSettings
from pipeline.stages.dedupe import NearDuplicate, dedupe, near_duplicates_of


def find_alike(
    config: Config,
    data: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    distance: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> list[NearDuplicate]:
    """Which new images look like another one, before anything depends on it. Nothing is sent.

    Args:
        distance: bits of the 128 that may differ; the configured ones (else 16) when None.

    Raises:
        CaptionmillError: see the error tree.
    """
    near = config.images.near_duplicates or NearDuplicatesConfig()
    images = config.images.model_copy(update={"near_duplicates": near})
    settings = RunSettings.of(config.model_copy(update={"images": images}))
    identity = priced_identity(settings.account, ())
    with crawled_source(settings, data, manifest, identity, say) as scene:
        bits = near.distance if distance is None else distance
        dedupe(scene.ledger, scene.task, scene.engine, scene.locate, bits)
        found = near_duplicates_of(scene.ledger, scene.task.source)
        scene.ledger.near_duplicates.set_represented(scene.task.source, {})
        return found
