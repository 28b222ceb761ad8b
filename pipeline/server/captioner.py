"""Captioners: the local models, and a synthetic one for tests."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import UsageError
from pipeline.server import image_stats, labels, phrases, second_opinion
from pipeline.server.detector import FAINT, THRESHOLD, Detector
from pipeline.server.drawn import is_drawn
from pipeline.server.model import Classifier
from pipeline.server.pictures import UploadedImage
from pipeline.server.reading import text_in
from pipeline.server.settings import CLASSIFIER_MODEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


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

    def describe(self, picture: UploadedImage | None, prompt: str, model: str) -> Description:
        """Describe `picture` as `model` does, or answer `prompt` when there is none."""

    def load(self, model: str) -> None:
        """Load what `model` needs, before any picture comes.

        Raises:
            CaptionmillError: it cannot be loaded; says why in a sentence.
        """


class LocalCaptioner:
    """Captioner of the local models, each loaded when it is first asked."""

    threads = 2

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._classifier: Classifier | None = None
        self._detector: Detector | None = None

    def describe(self, picture: UploadedImage | None, prompt: str, model: str) -> Description:  # noqa: ARG002
        """E.g. "a cat, probably a tabby"; of the older model "probably a tabby cat (0.83)"."""
        if picture is None:
            return Description("no picture was attached, so there is nothing to describe")
        if model == CLASSIFIER_MODEL:
            return classified(self._load_classifier().probabilities(picture.image), picture.image)
        return self._detected(picture.image)

    def load(self, model: str) -> None:
        """Load the classifier, and for the newer model the detector too."""
        self._load_classifier()
        if model != CLASSIFIER_MODEL:
            self._load_detector()

    def _detected(self, image: Image) -> Description:
        phrase, names = self._recognised(image)
        text = text_in(image)
        if text:
            return Description(
                phrases.with_text(phrase or image_stats.describe_light(image), text), names
            )
        return Description(phrase or image_stats.describe(image), names)

    def _recognised(self, image: Image) -> tuple[str, tuple[str, ...]]:
        """Phrase and names of what is recognised, "" where nothing is, or nothing is trusted."""
        if is_drawn(image):
            return "", ()
        probabilities = self._load_classifier().probabilities(image)
        seen = self._load_detector().things(image, FAINT)
        things = second_opinion.confirmed([t for t in seen if t.score >= THRESHOLD], probabilities)
        if things:
            names = tuple(dict.fromkeys(thing.name for thing in things))
            crowd = Counter(thing.name for thing in seen)
            return phrases.describe_things(things, probabilities, crowd), names
        sure = second_opinion.believed_alone(probabilities)
        if sure is None:
            return "", ()
        return f"probably {labels.with_article(sure.name)}", (sure.name,)

    def _load_classifier(self) -> Classifier:
        with self._lock:
            self._classifier = self._classifier or Classifier()
            return self._classifier

    def _load_detector(self) -> Detector:
        with self._lock:
            self._detector = self._detector or Detector()
            return self._detector


def classified(probabilities: NDArray[np.float32], image: Image) -> Description:
    """Describe by the classifier alone: what it is sure of, else what can be measured."""
    names = tuple(label.name for label in labels.ranked(probabilities) if label.probability >= _TAG)
    sure = labels.sure(probabilities)
    if sure is not None:
        name = labels.with_article(sure.name)
        return Description(f"probably {name} ({sure.probability:.2f})", names)
    return Description(f"no confident label; {image_stats.describe(image)}", ())


class EchoCaptioner:
    """Instant and the same for the same bytes; special answers come from the fault plan."""

    threads = 1

    def describe(self, picture: UploadedImage | None, prompt: str, model: str = "") -> Description:  # noqa: ARG002
        """E.g. "echo 3f2a91c07b1d 640x480"."""
        if picture is None:
            digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
            return Description(f"echo without a picture {digest[:12]}")
        name = picture.digest.hex()[:12]
        return Description(
            f"echo {name} {picture.width}x{picture.height}", (f"tag-{name[:4]}", "echo")
        )

    def load(self, model: str) -> None:
        """Load nothing."""


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
