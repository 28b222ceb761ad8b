"""Engine for images that are sent as their addresses: nothing is opened for those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from pipeline.core.url_image import addressed_image, is_address
from pipeline.engines.base import Engine, Job
from pipeline.records import Prepared

_CHUNK = 512  # jobs taken at once: addresses between files must not end their look-ahead


class UrlImageEngine(Engine):
    """Answers addresses by themselves and leaves files to another engine."""

    def __init__(self, files: Engine) -> None:
        self._files = files

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs; at most 512 jobs ahead."""
        remaining = iter(jobs)
        while chunk := list(islice(remaining, _CHUNK)):
            files = [job for job in chunk if not is_address(job[1])]
            if not files:  # starts no processes
                yield from ((number, addressed_image(url)) for number, url in chunk)
                continue
            prepared = self._files.prepare(files)
            for number, location in chunk:
                yield (
                    (number, addressed_image(location)) if is_address(location) else next(prepared)
                )
            next(prepared, None)  # to its end, or its processes would be ended

    def close(self, kill: bool = False) -> None:
        """End the other engine's processes."""
        self._files.close(kill)
