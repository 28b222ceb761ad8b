"""Things that the local captioner is sure of in a picture."""

from __future__ import annotations

import io

from pipeline.server.detector import Detector
from pipeline.server.drawn import is_drawn
from pipeline.server.model import Classifier
from pipeline.server.second_opinion import confirmed

_SURE = 0.8


class SureThings:
    """Both models of the local captioner, loaded once.

    Raises:
        UsageError: their packages are not installed.
    """

    def __init__(self) -> None:
        self._classifier, self._detector = Classifier(), Detector()

    def names(self, jpeg: bytes) -> tuple[str, ...]:
        """Names of the things in a picture, the surest first; () for a drawing."""
        from PIL import Image

        with Image.open(io.BytesIO(jpeg)) as image:
            image.load()
            if is_drawn(image):
                return ()
            things = self._detector.things(image)
            things = confirmed(things, self._classifier.probabilities(image))
        return tuple(dict.fromkeys(thing.name for thing in things if thing.score >= _SURE))
