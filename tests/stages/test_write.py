from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace
from xxhash import xxh3_128

from pipeline.core.identity import parse_custom_id
from pipeline.core.packing import ShardLimits
from pipeline.errors import Interrupted, OverBudget, StorageError
from pipeline.server.app import LoopbackServer
from pipeline.session import templates
from pipeline.stages import write
from pipeline.stages.shard_options import RequestTemplate, ShardOptions
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import CaptionTask
from pipeline.stages.write import Writer
from pipeline.system import failpoints
from tests.rig import KEY, picture
from tests.stages.scene import Scene


def lines_of(scene: Scene, key: str) -> list[dict[str, object]]:
    text = scene.workspace.shard(key).read_bytes()
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def test_a_shard_is_what_the_ledger_says_it_is(scene: Scene) -> None:
    scene.add("a.png", "b.png", "sub/c.png")
    (shard,) = scene.write(scene.task())
    content = scene.workspace.shard(shard.shard_key).read_bytes()
    assert (shard.state, shard.requests, shard.size) == ("SEALED", 3, len(content))
    assert shard.checksum == xxh3_128(content).digest()
    lines = lines_of(scene, shard.shard_key)
    sent = [parse_custom_id(str(line["custom_id"])) for line in lines]
    items = list(scene.ledger.shards.items(shard.row))
    assert [(found.work_key, found.attempt) for found in sent if found] == [
        (key, attempt) for _, key, attempt, _, _ in items
    ]
    assert sum(max_cost or 0 for *_, max_cost in items) == shard.max_cost
    assert {line["url"] for line in lines} == {"/v1/chat/completions"}


def test_no_name_and_no_path_of_this_machine_is_in_a_shard(scene: Scene) -> None:
    scene.add("holiday-with-aunt-mary.png")
    (shard,) = scene.write(scene.task())
    text = scene.workspace.shard(shard.shard_key).read_text()
    assert "mary" not in text
    assert str(scene.data) not in text


def test_written_once_and_never_again(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    picture(scene.data / "copy of a.png", 0)
    task = scene.task()
    (shard,) = scene.write(task)
    assert shard.requests == 2
    assert scene.write(task) == []


def test_the_same_wishes_give_the_same_bytes(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(5)))
    task = scene.task()
    (first,) = scene.write(task)
    scene.ledger.shards.dissolve(first)
    (second,) = scene.write(task)
    assert first.shard_key != second.shard_key
    assert first.checksum == second.checksum


def test_what_fits_into_the_budget_is_sealed_before_it_is_said(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(5)))
    task = scene.task()
    (whole,) = scene.write(task)
    scene.ledger.shards.dissolve(whole)
    assert whole.max_cost is not None
    left = whole.max_cost * 3 // 5
    writer = Writer(scene.ledger, task, scene.shard_options(room=lambda: left), scene.clock.now)
    shards = writer.write(scene.engines(task), scene.locate)
    row = next(shards)
    left -= scene.ledger.shards.get(row).max_cost or 0
    with pytest.raises(OverBudget):
        next(shards)
    assert scene.ledger.shards.get(row).requests == 3
    assert list(scene.workspace.shards.glob("_*")) == []


def test_a_stop_leaves_no_open_file_and_loses_nothing(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    task = scene.task()

    def stop() -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        scene.write(task, replace(scene.shard_options(), check_stop=stop))
    assert list(scene.workspace.shards.iterdir()) == []
    assert [shard.requests for shard in scene.write(task)] == [2]


def test_further_attempts_are_written_by_their_own_rule_and_model(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    task = scene.task()
    (first,) = scene.write(task)
    scene.ledger.shards.dissolve(first)
    scene.ledger.database.execute("UPDATE works SET after = 'length', attempts = 1 WHERE id = 1")
    longer = templates.request_template(
        scene.make_spec(provider__model="gpt-5.4-mini", prompt__max_completion_tokens=240)
    )
    asked: list[tuple[str, int]] = []

    def again(outcome: str, attempts: int) -> RequestTemplate:
        asked.append((outcome, attempts))
        return longer

    shard_options = replace(scene.shard_options(), again=again)
    shards = scene.write(task, shard_options)
    assert asked == [("length", 1)]
    by_model = {shard.model: lines_of(scene, shard.shard_key) for shard in shards}
    assert {model: len(lines) for model, lines in by_model.items()} == {
        "gpt-6-luna": 1,
        "gpt-5.4-mini": 1,
    }
    (line,) = by_model["gpt-5.4-mini"]
    found = parse_custom_id(str(line["custom_id"]))
    assert found is not None
    assert found.attempt == 2


def test_a_folder_that_is_gone_is_a_storage_error(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    with pytest.raises(StorageError, match="its folder is not there") as caught:
        scene.write(task, replace(scene.shard_options(), folder=scene.workspace.root / "gone"))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOENT


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, CaptionTask]]:
    root = tmp_path_factory.mktemp("packing")
    with LoopbackServer(root / "server", captioner="echo", api_key=KEY, seed="7") as server:
        scene = Scene(root, server)
        for number in range(20):
            picture(scene.data / f"{number:02}.png", number, (16 + 40 * (number % 5), 24))
        yield scene, scene.task()
        scene.close()


@hypothesis_settings(max_examples=30)
@given(
    limits=st.builds(
        ShardLimits,
        requests=st.integers(1, 25),
        bytes=st.integers(3_000, 60_000),
        tokens=st.integers(1, 5_000),
    ),
    budget=st.none() | st.integers(10**5, 10**7),
)
def test_packing_keeps_its_bounds_and_forgets_nobody(
    packed: tuple[Scene, CaptionTask], limits: ShardLimits, budget: int | None
) -> None:
    scene, task = packed
    shards, short = write_within(scene, task, scene.shard_options(limits), budget)
    live: list[int] = []
    for row in shards:
        shard = scene.ledger.shards.get(row)
        assert 1 <= shard.requests <= limits.requests
        assert shard.size <= limits.bytes
        assert shard.prompt_tokens <= limits.tokens or shard.requests == 1
        assert shard.size == scene.workspace.shard(shard.shard_key).stat().st_size
        live += [work for work, *_ in scene.ledger.shards.items(row)]
    assert len(live) == len(set(live))
    assert short == (len(live) < 20)
    max_cost = sum(scene.ledger.shards.get(row).max_cost or 0 for row in shards)
    assert budget is None or max_cost <= budget
    for row in shards:
        shard = scene.ledger.shards.get(row)
        scene.ledger.shards.dissolve(shard)
        scene.workspace.shard(shard.shard_key).unlink()
    assert list(scene.workspace.shards.iterdir()) == []


def write_within(
    scene: Scene, task: CaptionTask, shard_options: ShardOptions, budget: int | None
) -> tuple[list[int], bool]:
    """Rows of the shards sealed, each taken off the budget at once; and whether it ran short."""
    spent = 0
    rows: list[int] = []
    shard_options = replace(shard_options, room=lambda: None if budget is None else budget - spent)
    writer = Writer(scene.ledger, task, shard_options, scene.clock.now)
    try:
        for row in writer.write(scene.engines(task), scene.locate):
            rows.append(row)
            spent += scene.ledger.shards.get(row).max_cost or 0
    except OverBudget:
        return rows, True
    return rows, False


def test_an_unknown_price_fits_no_budget(scene: Scene) -> None:
    scene.add("a.png")
    scene.caption_spec = scene.make_spec(provider__model="gpt-9-none")
    with pytest.raises(OverBudget):
        scene.write(scene.task(), scene.shard_options(room=lambda: int(Decimal(10) ** 12)))
    (shard,) = scene.write(scene.task())
    assert shard.max_cost is None


def test_names_of_shards_follow_their_number(scene: Scene, tmp_path: Path) -> None:
    del tmp_path
    scene.add("a.png", "b.png")
    shards = scene.write(scene.task(), scene.shard_options(ShardLimits(requests=1)))
    assert [shard.shard_key[:7] for shard in shards] == ["000001-", "000002-"]


def test_images_wait_together_up_to_so_many_bytes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(write, "_CHUNK_BYTES", 1)
    scene.add("a.png", "b.png", "c.png")
    task = scene.task()
    writer = Writer(scene.ledger, task, scene.shard_options(), scene.clock.now, sizes.append)
    assert len(list(writer.write(scene.engines(task), scene.locate))) == 1
    assert sizes == [1, 1, 1]


def commits(work: Callable[[], object]) -> list[str]:
    """Names of the transactions that `work` commits."""
    names: list[str] = []
    failpoints.arm(names.append)
    try:
        work()
    finally:
        failpoints.arm(None)
    start = "ledger.before_commit."
    return [name.removeprefix(start) for name in names if name.startswith(start)]


def test_a_shard_and_its_images_are_recorded_in_one_transaction(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    (scene.data / "broken.jpg").write_text("no image")
    task = scene.task()
    assert commits(lambda: scene.write(task)) == ["seal"]
    assert scene.ledger.rows.outcomes() == {"pending": 2, "rejected": 1}
    assert scene.ledger.images.count_todo(task.sources) == 0


def test_images_that_go_into_no_shard_are_recorded_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_CHUNK", 1)
    for number in range(3):
        (scene.data / f"{number}.jpg").write_text("no image")
    task = scene.task()
    assert commits(lambda: scene.write(task)) == ["link"]
    assert scene.ledger.rows.outcomes() == {"rejected": 3}
    monkeypatch.setattr(write, "RECORDED_TOGETHER", 2)
    for number in range(3):
        (scene.data / f"{number}.jpg").write_text("still no image")
    task = scene.task()
    assert commits(lambda: scene.write(task)) == ["link", "link"]


def test_what_was_learned_is_recorded_when_nobody_wants_more(scene: Scene) -> None:
    scene.add("a.png", "b.png", "c.png")
    (scene.data / "0.jpg").write_text("no image")
    task = scene.task()
    shard_options = scene.shard_options(ShardLimits(requests=1))
    writer = Writer(scene.ledger, task, shard_options, scene.clock.now)
    shards = writer.write(scene.engines(task), scene.locate)
    next(shards)
    shards.close()  # type: ignore[attr-defined]
    assert scene.ledger.rows.outcomes() == {"pending": 3, "rejected": 1}
    assert [shard.requests for shard in scene.write(task)] == [2]
    assert list(scene.workspace.shards.glob("_*")) == []


def test_a_work_that_was_recorded_before_its_shard_is_sealed_is_sent_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_CHUNK", 1)
    monkeypatch.setattr(write, "RECORDED_TOGETHER", 1)
    scene.add("a.png", "b.png")
    shutil.copy(scene.data / "a.png", scene.data / "copy.png")
    task = scene.task()
    (shard,) = scene.write(task)
    assert shard.requests == 2
    states = scene.ledger.database.execute("SELECT state, attempts FROM works").fetchall()
    assert states == [("live", 1), ("live", 1)]


@pytest.mark.parametrize("chunk", [2, 256])
def test_a_duplicate_of_what_this_chunk_seals_is_not_written_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(write, "_CHUNK", chunk)
    scene.add("a.png", "b.png", "c.png")
    shutil.copy(scene.data / "a.png", scene.data / "d.png")
    shards = scene.write(scene.task(), scene.shard_options(ShardLimits(requests=2)))
    assert [shard.requests for shard in shards] == [2, 1]
    assert scene.ledger.rows.outcomes() == {"pending": 4}


def test_what_is_recorded_for_a_picture_in_doubt_makes_the_table_stale(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill right behind that transaction must not leave a table that looks up to date."""
    monkeypatch.setattr(write, "_CHUNK", 1)
    scene.add("a.png", "b.png")
    task = scene.task()
    scene.ledger.put(STALE, None)
    monkeypatch.setattr(scene.ledger.rechecks, "due", lambda _recipe: True)
    stale: list[str | None] = []

    def note(name: str) -> None:
        if name == "ledger.after_commit.link":
            stale.append(scene.ledger.get(STALE))

    failpoints.arm(note)
    try:
        scene.write(task)
    finally:
        failpoints.arm(None)
    assert stale == ["1", "1"]
