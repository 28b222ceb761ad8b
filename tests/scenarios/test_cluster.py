"""A run on a cluster that is hurt all the while: the table, the shards and the bill of one machine.

The oracle is the same run with the local engine. `make cluster` plays it over a bucket in
SeaweedFS, with workers killed at random and a scheduler that restarts; the default suite over a
small folder.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.imaging import late_preparer
from pipeline.server.app import LoopbackServer
from pipeline.session import engines
from pipeline.storage import StorageSettings
from tests.engines.dask_cluster import DaskCluster, dask_cluster
from tests.rig import KEY, Rig, picture
from tests.scenarios.deadly import EATS, HANGS, KILLS, DeadlyPreparer
from tests.storage.weed import KEY as WEED_KEY
from tests.storage.weed import SECRET, weed

pytest.importorskip("distributed", reason="the extra cluster is not installed")
__all__ = ["weed"]

MANY = int(os.environ.get("CAPTIONMILL_CLUSTER", "2000"))
OF_THE_DAY = {"batch_id", "request_id", "first_seen_at", "captioned_at"}


def deadly_pictures(folder: Path, count: int) -> None:
    """Pictures, some of them deadly or damaged, some twice."""
    for number in range(count):
        path = picture(folder / f"{number % 7}" / f"{number:05}.png", number, (320, 240))
        data = path.read_bytes()
        if number % 100 == 7:
            path.write_bytes(data + {0: KILLS, 1: HANGS, 2: EATS}[number // 100 % 3])
        elif number % 100 == 11:
            path.write_bytes(data[:-200])
        elif number % 100 == 13:
            (folder / f"twice-{number}.png").write_bytes(data)


@contextlib.contextmanager
def rig_of(root: Path) -> Iterator[Rig]:
    root.mkdir()
    with LoopbackServer(root / "server", captioner="echo", api_key=KEY, seed="7") as server:
        yield Rig(root, server)


def played(rig: Rig, data: str, **overrides: object) -> dict[str, Any]:
    """All that a run leaves, but for times and the service's own ids."""
    limits = {
        "images__seconds_per_image": "2s", "images__memory_limit": "1GB",
        "images__workers": 2, "batch__max_requests": 100, "batch__keep_shards": True,
        "retry__expired": {"attempts": 1},
    }  # fmt: skip
    rig.run(data=data, **(limits | overrides))
    rig.check()
    posts = rig.posts()
    rig.run(data=data, **(limits | overrides))
    assert rig.posts() == posts, "a second run has sent something"
    rows = [
        {name: cell for name, cell in row.items() if name not in OF_THE_DAY} for row in rig.table()
    ]
    shards = sorted(path.read_bytes() for path in rig.workspace.shards.glob("*.jsonl"))
    return {"rows": rows, "shards": shards, "bill": rig.server.bill.total_nano(), "posts": posts}


@contextlib.contextmanager
def hurting(hurt: Callable[[int], None], pause: float) -> Iterator[None]:
    """Hurt a cluster every `pause` seconds while the block runs."""
    done = threading.Event()

    def go_on() -> None:
        number = 0
        while not done.wait(pause):
            hurt(number)
            number += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Compare what two runs left, in an order that says what is wrong."""
    assert [row["outcome"] for row in one["rows"]] == [row["outcome"] for row in other["rows"]]
    assert one["rows"] == other["rows"]
    assert (one["bill"], one["posts"]) == (other["bill"], other["posts"])
    assert len(one["shards"]) == len(other["shards"]) > 0
    assert all(a == b for a, b in zip(one["shards"], other["shards"], strict=True))


@pytest.fixture(autouse=True)
def deadly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_preparer, "LatePreparer", DeadlyPreparer)
    assert engines.files_engine.__module__ == "pipeline.session.engines"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_folder_on_a_cluster(tmp_path: Path) -> None:
    deadly_pictures(tmp_path / "imgs", 20)
    data = str(tmp_path / "imgs")
    (tmp_path / "dask").mkdir()
    with rig_of(tmp_path / "here") as rig:
        here = played(rig, data)
    with dask_cluster(tmp_path / "dask", workers=1) as cluster, rig_of(tmp_path / "there") as rig:
        there = played(rig, data, **on(cluster))
        assert "workers.json" not in {path.name for path in rig.workspace.root.iterdir()}
    same(here, there)
    codes = [row["reason_code"] for row in there["rows"] if row["outcome"] == "rejected"]
    assert sorted(codes) == ["crashed", "truncated"]


@pytest.mark.long
def test_a_bucket_on_a_cluster_that_is_hurt_all_the_while(
    tmp_path: Path, weed: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bucket(tmp_path / "imgs", weed, monkeypatch)
    storage = {"storage__endpoint": weed.endpoint, "storage__allow_http": True}
    (tmp_path / "dask").mkdir()
    chance = random.Random(22)
    with rig_of(tmp_path / "here") as rig:
        here = played(rig, data, **storage)
    keys = {"AWS_ACCESS_KEY_ID": WEED_KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with (
        dask_cluster(tmp_path / "dask", workers=4, environment=keys) as cluster,
        rig_of(tmp_path / "there") as rig,
    ):

        def hurt(number: int) -> None:
            if number % 8 == 1:
                cluster.restart_scheduler()
            else:
                cluster.kill_worker(chance.randrange(len(cluster.workers)))
                cluster.add_worker()

        with hurting(hurt, pause=10.0):
            there = played(rig, data, **on(cluster), **storage)
    same(here, there)
    outcomes = [row["reason_code"] for row in there["rows"] if row["outcome"] == "rejected"]
    assert {"crashed", "timeout", "out_of_memory", "truncated"} >= set(outcomes)


def on(cluster: DaskCluster) -> dict[str, object]:
    return {"engine__kind": "cluster", "engine__address": cluster.address,
            "engine__chunk_seconds": 1.0, "engine__patience": "5m"}  # fmt: skip


def bucket(folder: Path, weed: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of MANY pictures in SeaweedFS."""
    from pipeline.storage.place import Place, obstore, open_store

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", WEED_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    deadly_pictures(folder, MANY)
    store = open_store(Place("s3", "real", ""), weed)
    for path in sorted(folder.rglob("*.png")):
        obstore().put(store, f"photos/{path.relative_to(folder)}", path.read_bytes())
    return "s3://real/photos"
