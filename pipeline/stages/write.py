"""Writing of pending requests into sealed shards.

The image's bytes go to the shard file once, as they come from the worker; what is in the open
shard is only in memory until the file is durable, and then it is recorded in one transaction with
all that was learned of its images. A kill before that leaves a temporary file and images that are
read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from pipeline.core.identity import custom_id
from pipeline.core.packing import Load, fits_shard, is_affordable
from pipeline.engines.base import Engine
from pipeline.errors import Interrupted, OverBudget
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.ledger.recording import Recording
from pipeline.records import Nano, Prepared, PreparedImage
from pipeline.stages.open_shard import OpenShard, ShardLine
from pipeline.stages.preprocess import (
    RECORDED_TOGETHER,
    PendingRequest,
    link_images,
    link_known,
    prepare_images,
)
from pipeline.stages.shard_options import RequestTemplate, ShardOptions
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask, Engines
from pipeline.system.failpoints import reached

_CHUNK, _CHUNK_BYTES = 256, 16_000_000  # prepared images whose bytes wait to be written


class Writer:
    """Packer of pending requests into shards, which it seals."""

    def __init__(
        self,
        ledger: Ledger,
        task: CaptionTask,
        shard_options: ShardOptions,
        now: Callable[[], int],
        prepared: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._prepared = prepared
        self._ledger = ledger
        self._task = task
        self._shard_options = shard_options
        self._now = now
        self._open: dict[str, OpenShard] = {}  # by model: a batch file has one
        self._recording = Recording(ledger.database, task.recipe, task.spec)
        self._unrecorded = 0  # images
        self._packed: set[bytes] = set()  # keys of works in open shards
        self._without_bytes = False  # works are to be sent whose image was not decoded
        self._room: Nano | None = None
        self._limits = shard_options.first_limits

    def write(self, engines: Engines, locate: Callable[[SeenImage], str]) -> Iterator[int]:
        """Prepare every image of the source that needs it, yield the row of each shard sealed.

        Raises:
            OverBudget: the next line does not fit into the budget; what fitted is sealed and
                was yielded.
        """
        with self._open_shards():
            link_known(self._ledger, self._task, self._shard_options.check_stop)
            limit = self._shard_options.limit
            todo = limit.new(self._ledger.images.todo(self._task.sources))
            yield from self._pack(prepare_images(engines.sparing, todo, locate))
            if self._without_bytes:
                self._record()  # the ledger is asked for them
            packed = {line.work.row for line in self._lines()}
            unsent = self._ledger.images.unsent(self._task.sources, self._task.spec)
            left = ((work, image) for work, image in unsent if work not in packed)
            images = (image for _, image in limit.unsent(left))
            yield from self._pack(prepare_images(engines.thorough, images, locate))
            yield from self._seal_all()

    def write_sample(
        self, engine: Engine, images: Iterable[SeenImage], locate: Callable[[SeenImage], str]
    ) -> Iterator[int]:
        """Prepare these images only, each of them; yields and raises as `write`."""
        with self._open_shards():
            yield from self._pack(prepare_images(engine, images, locate))
            yield from self._seal_all()

    @contextlib.contextmanager
    def _open_shards(self) -> Iterator[None]:
        """Keep what was learned of images when the run is stopped; the lines of shards that are
        not sealed are written again. Nothing waits to be recorded where a shard is yielded."""
        try:
            yield
        except Interrupted:
            self._record()
            raise
        finally:
            for shard in self._open.values():
                shard.discard()

    def _pack(self, prepared: Iterator[tuple[SeenImage, Prepared]]) -> Iterator[int]:
        prepared = self._counted(prepared)
        while chunk := _chunk(prepared):
            self._shard_options.check_stop()
            self._unrecorded += len(chunk)
            for pending in self._decide(chunk):
                yield from self._add(pending)
            if self._unrecorded >= RECORDED_TOGETHER:
                self._record()

    def _counted(
        self, prepared: Iterable[tuple[SeenImage, Prepared]]
    ) -> Iterator[tuple[SeenImage, Prepared]]:
        """Images as they come, each of which is shown as progress."""
        for one in prepared:
            self._prepared(1)
            yield one

    def _decide(self, chunk: Sequence[tuple[SeenImage, Prepared]]) -> list[PendingRequest]:
        """Requests to be written for these images, each work once; decided before the first of them
        seals a shard, after which a work that is in it would look as if it were in none."""
        requests: dict[bytes, PendingRequest] = {}
        for pending in link_images(self._ledger, self._recording, self._task, chunk):
            if pending.image is None:
                self._without_bytes = True
            elif pending.work.key not in self._packed:
                requests.setdefault(pending.work.key, pending)
        return list(requests.values())

    def _record(self) -> None:
        """Record the images since the last time, in one transaction, or in the one that is open."""
        if self._unrecorded:
            with self._recording.transaction("link"):
                self._recording.save()
                if self._task.linked:
                    self._ledger.put(STALE, "1")
            self._unrecorded = 0

    def _lines(self) -> Iterator[ShardLine]:
        """Lines of all open shards."""
        return chain.from_iterable(shard.lines for shard in self._open.values())

    def _add(self, pending: PendingRequest) -> Iterator[int]:
        work = pending.work
        request_template = (
            self._shard_options.again(work.after, work.attempts)
            if work.after
            else self._shard_options.request_template
        )
        parts, line, load = _line(pending, request_template)
        shard = self._open.get(request_template.request.model)
        if shard is not None and not fits_shard(shard.load, load, self._limits):
            yield from self._seal(shard)
            shard = None
        elif shard is not None and not is_affordable(shard.load, load, self._room):
            least = self._shard_options.least()
            if shard.load.requests < least:
                self._leave(shard)
                yield from self._end_short(load, least)
            yield from self._seal(shard)
            shard = None
        if shard is None:
            self._room = self._shard_options.room()
            if not is_affordable(Load(), load, self._room):
                yield from self._end_short(load)
            shard = OpenShard.begin(
                self._shard_options, self._ledger.shards.next_number(), request_template
            )
            self._open[request_template.request.model] = shard
        shard.append(parts, line, load)
        self._packed.add(work.key)

    def _end_short(self, load: Load, requests: int = 1) -> Iterator[int]:
        """Seal what fitted; then the budget has no room for so many requests like this one."""
        yield from self._seal_all()
        raise OverBudget(self._shard_options.shortage(requests * (load.max_cost or 0), requests))

    def _leave(self, shard: OpenShard) -> None:
        """Leave the requests of an open shard pending."""
        del self._open[shard.request_template.request.model]
        self._packed -= {line.work.key for line in shard.lines}
        shard.discard()

    def _seal_all(self) -> Iterator[int]:
        """Seal every open shard, and record what went into none."""
        for shard in list(self._open.values()):
            yield from self._seal(shard)
        self._record()

    def _seal(self, shard: OpenShard) -> Iterator[int]:
        """Make an open shard durable, then record it with all that is known of its images; yields
        its row."""
        del self._open[shard.request_template.request.model]
        shard.make_durable()
        reached("write.before_seal")
        with self._recording.transaction("seal"):
            shard.make_live()
            self._record()
            reached("write.recorded")
            row = self._ledger.shards.seal(shard.record(self._task.spec), self._now())
        reached("write.after_seal")
        self._packed -= {line.work.key for line in shard.lines}
        self._shard_options.limit.note_sent([line.work.row for line in shard.lines])
        self._limits = self._shard_options.limits
        yield row


def _chunk(prepared: Iterator[tuple[SeenImage, Prepared]]) -> list[tuple[SeenImage, Prepared]]:
    """Next images, as many as are decided together; [] when there are none."""
    chunk: list[tuple[SeenImage, Prepared]] = []
    size = 0
    for image, result in islice(prepared, _CHUNK):
        chunk.append((image, result))
        size += len(result.base64) if isinstance(result, PreparedImage) else 0
        if size >= _CHUNK_BYTES:
            break
    return chunk


def _line(
    pending: PendingRequest, template: RequestTemplate
) -> tuple[list[bytes], ShardLine, Load]:
    """Line of one request in parts, what the ledger will say of it, and its load on a shard."""
    image = pending.image
    assert image is not None
    attempt = pending.work.attempts + 1
    parts = template.wire_format.line(
        template.request, custom_id(pending.work.key, attempt), pending.prompt, image
    )
    cost = template.estimator.estimate(image.width, image.height, pending.prompt)
    size = sum(map(len, parts))
    line = ShardLine(pending.work, attempt, cost)
    return parts, line, Load(1, size, cost.counted, cost.max_cost)
