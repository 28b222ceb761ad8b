"""Captioners: the local classifier, which says how sure it is, and a synthetic one for tests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import UsageError
from pipeline.server import image_stats, labels
from pipeline.server.model import Classifier
from pipeline.server.pictures import UploadedImage

SURE = 0.5
"""Probability from which a label is named. The classifier was trained with smoothed labels and
is more often right than it claims, so a label above this is right far more often than not."""

SURE_GROUP = 0.75
"""The same for a broader word, which adds up many small probabilities."""

_TAG = 0.05


@dataclass(frozen=True, slots=True)
class Description:
    """Caption and the labels behind it, likeliest first."""

    caption: str
    labels: tuple[str, ...] = ()


class Captioner(Protocol):
    """Describes a picture; called from several threads."""

    threads: int
    """How many pictures are worth describing at the same time."""

    def describe(self, picture: UploadedImage | None, prompt: str) -> Description:
        """Describe `picture`, or answer `prompt` when there is none."""


class LocalCaptioner:
    """EfficientNet-Lite0: says what it is sure of, else what can be measured."""

    threads = 2

    def __init__(self) -> None:
        self._classifier = Classifier()

    def describe(self, picture: UploadedImage | None, prompt: str) -> Description:  # noqa: ARG002
        """E.g. "probably a tabby cat (0.83)"."""
        if picture is None:
            return Description("no picture was attached, so there is nothing to describe")
        probabilities = self._classifier.probabilities(picture.image)
        best = labels.ranked(probabilities)
        names = tuple(label.name for label in best if label.probability >= _TAG)
        sure = best[0] if best[0].probability >= SURE else labels.broader(probabilities)
        if sure.probability >= (SURE if sure is best[0] else SURE_GROUP):
            name = labels.with_article(sure.name)
            return Description(f"probably {name} ({sure.probability:.2f})", names)
        return Description(f"no confident label; {image_stats.describe(picture.image)}", ())


class EchoCaptioner:
    """Instant and the same for the same bytes; special answers come from the fault plan."""

    threads = 1

    def describe(self, picture: UploadedImage | None, prompt: str) -> Description:
        """E.g. "echo 3f2a91c07b1d 640x480"."""
        if picture is None:
            digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
            return Description(f"echo without a picture {digest[:12]}")
        name = picture.digest.hex()[:12]
        return Description(
            f"echo {name} {picture.width}x{picture.height}", (f"tag-{name[:4]}", "echo")
        )


def open_captioner(name: str) -> Captioner:
    """Captioner called `name`: "local" or "echo".

    Raises:
        UsageError: there is no such captioner.
    """
    if name == "local":
        return LocalCaptioner()
    if name == "echo":
        return EchoCaptioner()
    raise UsageError(f"no captioner is called '{name}': use 'local' or 'echo'")
