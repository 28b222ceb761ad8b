"""Limit of the images that one run may send (`--limit`): the first that are due, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pipeline.ledger.images import SeenImage


class SendLimit:
    """Counter of a run's images, each of which counts once: also when its request is only sent
    among those that wait, as its file was not decoded, and when it goes again after an answer.

    Attributes:
        withheld: images were left for later runs.
    """

    def __init__(self, images: int | None = None) -> None:
        """Let so many images go, None for all."""
        self.withheld = False
        self._left = images
        self._new: set[int] = set()
        self._sent: set[int] = set()

    def new(self, images: Iterator[SeenImage]) -> Iterator[SeenImage]:
        """Images that are to be prepared, as long as the limit lasts."""
        for image in images:
            if not self._take():
                return
            if self._left is not None:
                self._new.add(image.id)
            yield image

    def unsent(self, images: Iterator[tuple[int, SeenImage]]) -> Iterator[tuple[int, SeenImage]]:
        """(work, image) of works that wait to be sent, as long as the limit lasts, and of those
        that it has let go already."""
        for work, image in images:
            if work in self._sent or image.id in self._new or self._take():
                yield work, image

    def note_sent(self, works: Collection[int]) -> None:
        """Note works that this run sends."""
        if self._left is not None:
            self._sent.update(works)

    def _take(self) -> bool:
        if self._left is None:
            return True
        if self._left == 0:
            self.withheld = True
            return False
        self._left -= 1
        return True
