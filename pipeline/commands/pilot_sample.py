"""Sample of a pilot: candidates that can be captioned, and those of them that are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline.commands.pilot_findings import Picked
from pipeline.core.prompt import fill_template
from pipeline.core.sampling import shape_of, spread
from pipeline.ledger.images import SeenImage
from pipeline.records import Nano, PreparedImage, RejectedImage, Rejection
from pipeline.session.source_run import SourceRun
from pipeline.session.templates import request_template
from pipeline.stages.identify import note_contents
from pipeline.stages.preprocess import prepare_images, stays_at_its_text
from pipeline.stages.values import CaptionTask

COUNT = 50
"""Images of a pilot when neither a number nor a sum of money is named."""

MOST_FOR_MONEY = 100
"""Images of a pilot when only a sum of money is named."""

_CANDIDATES = 3  # images read for each one taken


def candidates_for(most: int) -> int:
    """Images to read so that `most` can be chosen among those that can be captioned."""
    return _CANDIDATES * most


def read_candidates(
    run: SourceRun, task: CaptionTask, images: Sequence[SeenImage]
) -> tuple[list[Picked], Counter[str]]:
    """Images that can be captioned, as they would be sent; and counts of the others, by reason."""
    session, candidates, rejected = run.session, list[Picked](), Counter[str]()
    with session.settings.engine.engine(run.caption_spec.recipe, None) as engine:
        read = prepare_images(engine, images, run.locate)
        noted = note_contents(session.ledger, task, read, session.context.check_stop)
        for image, prepared in noted:
            if isinstance(prepared, RejectedImage):
                rejected[prepared.rejection.code] += 1
            elif isinstance(prepared, PreparedImage):
                if stays_at_its_text(task, image, prepared.source_id):
                    rejected["had_caption"] += 1
                    continue
                size = (prepared.width, prepared.height)
                original = (prepared.source_width, prepared.source_height)
                candidates.append(Picked(image, prepared.source_id, *size, *original))
    return candidates, rejected


def spread_sample(candidates: Sequence[Picked], most: int) -> list[Picked]:
    """At most so many candidates, spread over folders, shapes and sizes."""
    return spread(
        candidates,
        most,
        lambda picked: (
            picked.image.folder,
            shape_of(picked.source_width, picked.source_height),
            picked.source_width * picked.source_height,
            picked.image.name,
        ),
    )


def max_cost(sample: Sequence[Picked], runs: Sequence[SourceRun]) -> Nano | None:
    """Max cost of the sample in all variants, None when a price is unknown."""
    total = 0
    for run in runs:
        estimator = request_template(run.caption_spec).estimator
        for picked in sample:
            prompt = fill_template(run.caption_spec.template, picked.image.columns)
            text = "" if isinstance(prompt, Rejection) else prompt
            cost = estimator.estimate(picked.width, picked.height, text).max_cost
            if cost is None:
                return None
            total += cost
    return total
