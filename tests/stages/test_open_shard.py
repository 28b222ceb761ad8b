from __future__ import annotations

import os
import resource

import pytest
from xxhash import xxh3_128

from pipeline.core.cost_estimate import CostEstimate
from pipeline.core.packing import Load
from pipeline.errors import StorageError
from pipeline.ledger.unrecorded import WorkRecord
from pipeline.session import templates
from pipeline.stages import open_shard
from pipeline.stages.open_shard import OpenShard, ShardLine
from tests.stages.scene import Scene


@pytest.mark.parametrize("known", [True, False])
def test_the_disk_begins_before_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    asked: list[tuple[int, int]] = []

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        assert os.fstat(descriptor).st_size >= start + length  # no byte of it waits in our buffer
        asked.append((start, length))

    monkeypatch.setattr(open_shard, "_STRETCH", 1000)
    monkeypatch.setattr(open_shard, "_BUFFER", 100)
    if known:
        monkeypatch.setattr(os, "posix_fadvise", advise)
    else:
        monkeypatch.delattr(os, "posix_fadvise")
    scene.add("a.png", "b.png", "c.png", "d.png")
    (shard,) = scene.write(scene.task())
    assert shard.checksum == xxh3_128(scene.workspace.shard(shard.shard_key).read_bytes()).digest()
    assert asked == [(1000 * number, 1000) for number in range(len(asked))]
    assert bool(asked) is known


def test_a_full_disk_is_a_storage_error_and_leaves_nothing(scene: Scene) -> None:
    request_template = templates.request_template(scene.caption_spec)
    shard = OpenShard.begin(scene.shard_options(), 1, request_template)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*\.jsonl"):
            fill(shard)
        shard.discard()  # its buffer can still not be written
        late = OpenShard.begin(scene.shard_options(), 2, request_template)
        late.handle.write(b"x" * 5000)
        with pytest.raises(StorageError, match="file size limit"):
            late.make_durable()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(scene.workspace.shards.iterdir()) == []


def fill(shard: OpenShard) -> None:
    for number in range(64):
        work = WorkRecord(bytes([number]) * 32, None, None)
        line = ShardLine(work, 1, CostEstimate(1, 1, 1, 1, 1, 0))
        shard.append([b"x" * 40_000], line, Load(1, 40_000, 1, 1))
