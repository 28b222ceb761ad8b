"""A dask cluster of real processes: whatever happens to it, every job has its answer, in order."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.recipe import Recipe
from pipeline.engines import InlineEngine, Limits
from pipeline.engines.cluster import ClusterEngine
from pipeline.engines.dask_client import ClusterOptions
from pipeline.engines.node import NodeTask
from pipeline.engines.workers import WorkersWatch
from pipeline.errors import Interrupted, NoWorkers, UsageError
from pipeline.imaging.prepare import Preparer
from pipeline.records import KnownImage, Prepared, RejectedImage
from tests.engines.dask_cluster import DaskCluster, dask_cluster, until
from tests.engines.troubles import codes, identity, run, trouble
from tests.imaging.drawing import LongSide
from tests.imaging.samples import all_samples

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")

TASK = NodeTask(trouble, Limits(seconds=1.0, memory_bytes=1 << 30), seconds=0.5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


def options_of(cluster: DaskCluster, **changes: Any) -> ClusterOptions:
    return ClusterOptions(cluster.address, **{"chunk_seconds": 0.5, "patience": 60.0} | changes)


@pytest.fixture
def engine(cluster: DaskCluster) -> Iterator[ClusterEngine]:
    while len(cluster.workers) < 2:
        cluster.add_worker()
    with ClusterEngine(TASK, options_of(cluster)) as opened:
        yield opened


def tasks_of(cluster: DaskCluster) -> int:
    with distributed.Client(cluster.address, set_as_default=False) as client:
        return int(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))


def test_pictures_that_kill_hang_and_eat_are_a_row_each(engine: ClusterEngine) -> None:
    locations = [f"ok:{n}" for n in range(200)]
    locations[20], locations[60], locations[90] = "segv", "hang", "eat:2000000000"
    answers = run(engine, *locations)
    wanted = ["known"] * 200
    wanted[20], wanted[60], wanted[90] = "crashed", "timeout", "out_of_memory"
    assert codes(answers) == wanted
    assert answers[199] == KnownImage(identity("ok:199"))


def test_a_worker_that_dies_takes_no_image_with_it(
    engine: ClusterEngine, cluster: DaskCluster
) -> None:
    answers = []
    for number, answer in engine.prepare((n, "slow:0.01") for n in range(400)):
        if number == 50:
            cluster.kill_worker()
            cluster.add_worker()
        answers.append(answer)
    assert answers == [KnownImage(identity("slow:0.01"))] * 400


def test_all_workers_gone_and_others_come(engine: ClusterEngine, cluster: DaskCluster) -> None:
    numbers = []
    for number, _ in engine.prepare((n, "slow:0.02") for n in range(200)):
        if number == 20:
            cluster.kill_worker()
            cluster.kill_worker()
            cluster.add_worker()
            cluster.add_worker()
        numbers.append(number)
    assert numbers == list(range(200))


def test_a_scheduler_that_restarts(engine: ClusterEngine, cluster: DaskCluster) -> None:
    answers = []
    for number, answer in engine.prepare((n, f"large:{n + 1000}") for n in range(600)):
        if number == 100:
            cluster.restart_scheduler()
        answers.append(answer)
    assert [answer.source_id for answer in answers] == [
        identity(f"large:{n + 1000}") for n in range(600)
    ]


def test_an_iteration_left_early_leaves_no_task(
    engine: ClusterEngine, cluster: DaskCluster
) -> None:
    for number, _ in engine.prepare((n, "slow:0.02") for n in itertools.count()):
        if number == 10:
            break
    until(lambda: tasks_of(cluster) == 0)
    assert codes(run(engine, "ok:1")) == ["known"]


def test_a_person_who_stops_leaves_no_task(cluster: DaskCluster) -> None:
    def stop() -> None:
        if next(looks) == 20:
            raise Interrupted

    looks = itertools.count()
    watch = WorkersWatch(check_stop=stop)
    with ClusterEngine(TASK, options_of(cluster), watch=watch) as engine:
        answers = engine.prepare((n, "slow:0.02") for n in itertools.count())
        with pytest.raises(Interrupted):
            list(answers)
    until(lambda: tasks_of(cluster) == 0)


def test_it_answers_as_this_process_does(cluster: DaskCluster, tmp_path: Path) -> None:
    preparer = Preparer(Recipe(LongSide(48), perceptual_hash=True))
    jobs = []
    for number, sample in enumerate(all_samples()):
        path = tmp_path / str(number)
        path.write_bytes(sample.data)
        jobs.append((number, str(path)))
    jobs.append((-1, str(tmp_path / "none")))
    with ClusterEngine(NodeTask(preparer, Limits()), options_of(cluster)) as engine:
        assert list(engine.prepare(jobs)) == list(InlineEngine(preparer).prepare(jobs))


def test_workers_that_do_not_see_the_images(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engines.workers._SETTLE_SECONDS", 0.0)
    path = tmp_path / "only-here.png"
    path.write_bytes(b"x")
    said: list[str] = []
    watch = WorkersWatch(say=said.append)
    with (
        ClusterEngine(NodeTask(blind, Limits()), options_of(cluster), watch=watch) as engine,
        pytest.raises(UsageError, match=rf"none of the .* can be used: .*cannot read {path}"),
    ):
        run(engine, str(path))
    assert len(said) == 1


def blind(location: str) -> Prepared:
    """What a worker answers on whose disk there is nothing."""
    return Preparer(Recipe(LongSide(48)))(f"/nowhere{location}")


def test_a_worker_of_another_version_is_not_used(cluster: DaskCluster, tmp_path: Path) -> None:
    foreign = tmp_path / "captionmill-0.0.1.dist-info"
    foreign.mkdir()
    (foreign / "METADATA").write_text("Metadata-Version: 2.1\nName: captionmill\nVersion: 0.0.1\n")
    root = Path(__file__).parents[2]
    said: list[str] = []
    watch = WorkersWatch(say=said.append)
    with ClusterEngine(TASK, options_of(cluster), watch=watch) as engine:
        engine.begin(1)
        cluster.add_worker({"PYTHONPATH": f"{tmp_path}:{root}"})
        ahead = engine.prepare((n, "slow:0.02") for n in itertools.count())
        until(lambda: bool(said or not next(ahead)), pause=0.0)
        ahead.close()  # type: ignore[attr-defined]
    cluster.kill_worker(-1)
    assert len(said) == 1
    assert "is not used: it has captionmill 0.0.1, this machine" in said[0]


def test_no_key_leaves_this_machine_or_reaches_a_decoder(
    cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    while cluster.workers:
        cluster.kill_worker()
    cluster.add_worker({"OPENAI_API_KEY": "sk-on-a-node"})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-here")
    submitted = record_submissions(monkeypatch)
    with ClusterEngine(TASK, options_of(cluster)) as engine:
        answer = run(engine, "environment")[0]
    assert isinstance(answer, RejectedImage)
    assert "PYTHONPATH" in answer.rejection.detail
    assert "sk-on" not in answer.rejection.detail
    assert submitted
    assert not any(b"sk-only" in one for one in submitted)


def record_submissions(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is sent to workers from now on, pickled as dask pickles it."""
    submitted: list[bytes] = []
    real = distributed.Client.submit

    def submit(client: Any, *args: Any, **options: Any) -> Any:
        submitted.append(pickle.dumps((args, options)))
        return real(client, *args, **options)

    monkeypatch.setattr(distributed.Client, "submit", submit)
    return submitted


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engines.cluster._CONNECT_SECONDS", 0.5)
    with (
        ClusterEngine(TASK, ClusterOptions("tcp://127.0.0.1:9")) as engine,
        pytest.raises(NoWorkers, match=r"no scheduler answers at tcp://127.0.0.1:9 .*dask sched"),
    ):
        engine.begin(1)


def test_no_workers(cluster: DaskCluster) -> None:
    while cluster.workers:
        cluster.kill_worker()
    with (
        ClusterEngine(TASK, options_of(cluster, patience=2.0)) as engine,
        pytest.raises(NoWorkers, match=r"for 2 seconds: the scheduler at .* has no workers"),
    ):
        run(engine, "ok:1")


def test_tls(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority, ca, cert = trustme.CA(), tmp_path / "ca.pem", tmp_path / "cert.pem"
    authority.cert_pem.write_to_path(ca)
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(cert)
    tls = {"--tls-ca-file": ca, "--tls-cert": cert, "--tls-key": cert}
    with dask_cluster(tmp_path, workers=1, tls=tls) as cluster:
        assert cluster.address.startswith("tls://")
        secure = options_of(cluster, tls_ca=ca, tls_cert=cert, tls_key=cert)
        with ClusterEngine(TASK, secure) as engine:
            assert codes(run(engine, *["ok:1"] * 10)) == ["known"] * 10
        with (
            ClusterEngine(TASK, options_of(cluster)) as engine,
            pytest.raises((NoWorkers, UsageError), match="scheduler"),
        ):
            engine.begin(1)
