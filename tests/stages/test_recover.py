import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.core.identity import WorkAttempt, custom_id
from pipeline.errors import NotFound, ServiceError
from pipeline.ledger.batches import Batch
from pipeline.providers.base import FileTooLarge
from pipeline.records import RemoteBatch
from pipeline.stages.recover import (
    doubtful_shard,
    fetched_by_twin,
    is_ours,
    is_plausible,
    learn_contents,
    number_in,
    raw_path,
    recovered_shard,
    requests_in,
    shard_key_of,
)
from pipeline.system.workspace import Workspace
from tests.stages.scene import Scene

PRICES = '{"version":"v1","tier":"batch","rates":["500","50","500","2000"],"long":[]}'
KEY = "000001-1234abcd"
META = {
    "captionmill_shard": KEY,
    "captionmill_generation": "3",
    "captionmill_requests": "2",
    "captionmill_worst_nano": "77",
    "captionmill_model": "gpt-6-luna",
    "captionmill_prices": PRICES,
    "captionmill_fields": '["caption", "tags"]',
}
BATCH = RemoteBatch("batch_1", "completed", "file-in", "file-out", "file-err", 5, metadata=META)
LINES = [WorkAttempt(bytes([number]) * 32, number) for number in (1, 2)]


def jsonl(*lines: WorkAttempt) -> bytes:
    caption = "one\u2028two"
    return b"".join(
        json.dumps({"custom_id": custom_id(x.work_key, x.attempt), "c": caption}).encode() + b"\n"
        for x in lines
    )


class Service:
    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        if file_id not in self.files:
            raise NotFound("gone")
        if not self.files[file_id]:
            raise ServiceError("down")
        if most is not None and len(self.files[file_id]) > most:
            raise FileTooLarge("too large")
        return to.write_bytes(self.files[file_id])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    workspace.create()
    return workspace


def found(workspace: Workspace, batch: RemoteBatch = BATCH, **files: bytes) -> Any:
    named = {name.replace("_", "-"): data for name, data in files.items()}
    context: Any = SimpleNamespace(workspace=workspace, service=Service(named))
    lines = requests_in(context, batch)
    assert list(workspace.shards.glob("_*")) == []
    return lines


def test_metadata_describe_the_shard() -> None:
    lost = recovered_shard(BATCH)
    assert (lost.shard_key, lost.generation, lost.requests, lost.max_cost) == (KEY, 3, 2, 77)
    assert (lost.model, lost.prices, lost.fields) == ("gpt-6-luna", PRICES, '["caption", "tags"]')
    bare = recovered_shard(replace(BATCH, metadata={}, total=9, model="m"))
    assert (bare.shard_key, bare.generation, bare.requests) == ("unknown-batch_1", 1, 9)
    assert (bare.max_cost, bare.prices, bare.model) == (None, None, "m")


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/000001-1234abcd", "", "000001-1234ABCD"])
def test_a_key_that_we_never_made_is_no_file_name(key: str) -> None:
    batch = replace(BATCH, metadata={"captionmill_shard": key})
    assert shard_key_of(batch) == "unknown-batch_1"


def test_numbers_are_whole_and_short() -> None:
    assert number_in("12") == 12
    assert [number_in(text) for text in (None, "", "-1", "1.5", "\u0661", "9" * 19)] == [None] * 6


def test_the_request_file_here_tells_first(workspace: Workspace) -> None:
    workspace.shard(KEY).write_bytes(jsonl(*LINES))
    assert found(workspace) == LINES


def test_then_the_request_file_at_the_service(workspace: Workspace) -> None:
    assert found(workspace, file_in=jsonl(*LINES)) == LINES


def test_then_the_answers_that_are_kept_here(workspace: Workspace) -> None:
    for kind, line in zip(("output", "error"), LINES, strict=True):
        path = workspace.raw / f"{KEY}.batch_1.{kind}.jsonl.gz"
        path.write_bytes(gzip.compress(jsonl(line)))
    assert found(workspace, file_in=b"") == LINES, "asked in vain: they are all"
    (workspace.raw / f"{KEY}.batch_1.error.jsonl.gz").unlink()
    assert found(workspace, file_in=jsonl(*LINES)) == LINES, "one of them alone is not"


def test_then_the_answers_at_the_service(workspace: Workspace) -> None:
    assert found(workspace, file_out=jsonl(LINES[0])) == [LINES[0]]
    assert found(workspace, file_out=jsonl(LINES[0]), file_err=jsonl(LINES[1])) == LINES


def test_nothing_left_is_said_and_no_answer_is_no_conclusion(workspace: Workspace) -> None:
    assert found(workspace) is None
    assert found(workspace, replace(BATCH, status="in_progress")) is None
    with pytest.raises(ServiceError):
        found(workspace, file_in=b"")


@pytest.mark.parametrize(
    ("key", "highest"),
    [("captionmill_generation", 10_000), ("captionmill_requests", 1_000_000),
     ("captionmill_worst_nano", 10**15)],
)  # fmt: skip
def test_each_number_of_a_batch_of_ours_is_bounded(key: str, highest: int) -> None:
    def plausible(number: object) -> bool:
        return is_plausible(replace(BATCH, metadata={**META, key: str(number)}))

    assert plausible(1)
    assert plausible(highest)
    for absurd in (highest + 1, -1, "1e3"):
        assert not plausible(absurd)


def adopted(scene: Scene, key: str = KEY) -> Batch:
    """A batch of ours of whose contents nobody knows."""
    row = scene.ledger.adoption.adopt(recovered_shard(BATCH), scene.clock.moment())
    scene.ledger.batches.add(row, 3, BATCH, "main")
    batch = scene.ledger.batches.by_id(BATCH.id)
    assert batch is not None
    assert scene.ledger.shards.get(row).shard_key == key
    return batch


def live(scene: Scene) -> list[WorkAttempt]:
    rows = scene.ledger.database.execute(
        "SELECT w.work_key, i.attempt FROM items i JOIN works w ON w.id = i.work "
        "WHERE i.live = 1 ORDER BY i.id"
    )
    return [WorkAttempt(key, attempt) for key, attempt in rows]


def test_contents_are_learned_from_raw_files_that_are_whole(scene: Scene) -> None:
    """A part of them would let the others be sent again."""
    batch = adopted(scene)
    learn_contents(scene.context)
    assert len(scene.ledger.adoption.opaque_shards()) == 1
    output, error = (raw_path(scene.context, batch, kind) for kind in ("output", "error"))
    output.write_bytes(gzip.compress(jsonl(LINES[0])) + b"no gzip")
    error.write_bytes(gzip.compress(jsonl(LINES[1])))
    learn_contents(scene.context)
    assert len(scene.ledger.adoption.opaque_shards()) == 1
    output.write_bytes(gzip.compress(jsonl(LINES[0])))
    learn_contents(scene.context)
    assert live(scene) == LINES
    assert scene.ledger.adoption.opaque_shards() == []


def test_a_damaged_answer_file_here_tells_less_than_the_service(workspace: Workspace) -> None:
    whole = gzip.compress(jsonl(LINES[0]))
    path = workspace.raw / f"{KEY}.batch_1.output.jsonl.gz"
    path.write_bytes(whole + gzip.compress(jsonl(LINES[1]))[:-9])
    assert found(workspace, file_out=jsonl(*LINES)) == LINES
    assert found(workspace) is None


def test_without_the_paid_answers_the_others_are_no_list(workspace: Workspace) -> None:
    assert found(workspace, file_err=jsonl(LINES[1])) is None
    failed = replace(BATCH, output_file_id=None)
    assert found(workspace, failed, file_err=jsonl(*LINES)) == LINES


def test_a_request_file_of_ours_is_in_doubt_and_another_is_left_alone(scene: Scene) -> None:
    named = {
        KEY: jsonl(*LINES),
        "theirs": jsonl(*LINES),
        f"online-{KEY}": jsonl(*LINES),
        "000002-1234abcd": b"{}\n",
    }
    taken = []
    for name, data in named.items():
        path = scene.workspace.shard(name)
        path.write_bytes(data)
        if doubtful_shard(scene.context, path):
            taken.append(name)
    assert taken == [KEY]
    (shard,) = scene.ledger.shards.in_states("CREATING")
    assert (shard.shard_key, shard.requests, shard.size) == (KEY, 2, len(named[KEY]))
    assert shard.intent_at is not None
    assert live(scene) == LINES


@pytest.mark.parametrize(
    ("kinds", "hinted"), [((), True), (("output",), True), (("output", "error"), False)]
)
def test_files_that_another_copy_may_have_fetched_are_hinted_at(
    scene: Scene, kinds: tuple[str, ...], hinted: bool
) -> None:
    batch = adopted(scene)
    for kind in kinds:
        raw_path(scene.context, batch, kind).write_bytes(b"")
    hint = fetched_by_twin(scene.context, batch)
    assert (f"into {scene.context.workspace.raw}" in hint) == hinted
    assert bool(hint) == hinted


def test_batches_of_this_workspace_and_of_what_it_was_before_are_ours(scene: Scene) -> None:
    former = scene.ledger.workspace_id()
    scene.ledger.identify()
    for workspace, ours in ((former, True), (scene.ledger.workspace_id(), True), ("x", False)):
        batch = replace(BATCH, metadata={"captionmill_workspace": workspace})
        assert is_ours(scene.context, batch) == ours
    assert not is_ours(scene.context, replace(BATCH, metadata={}))
