"""Workers of a scheduler that is played here: only its list, and answers to the probe."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engines import workers as module
from pipeline.engines.handshake import own_versions
from pipeline.engines.workers import WorkerFacts, Workers, WorkersWatch
from pipeline.errors import UsageError
from tests.engines.dask_cluster import until

A, B = "tcp://a:1", "tcp://b:2"


class Client:
    """Answers to the probe by address."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers

    def run(self, _function: object, _code: str, *, workers: list[str], on_error: str) -> Any:
        assert on_error == "return"
        return {address: self.answers.get(address[6], own_versions()) for address in workers}


def listed(*addresses: str, threads: int = 2) -> dict[str, dict[str, Any]]:
    facts = {"nthreads": threads, "memory_limit": 4e9, "metrics": {"memory": 3e8}}
    return dict.fromkeys(addresses, facts)


class Scene:
    """Workers, and what is said and shown of them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.said: list[str] = []
        self.shown: list[list[WorkerFacts]] = []
        watch = WorkersWatch(self.said.append, lambda _address, facts: self.shown.append(facts))
        self.workers = Workers("tcp://s:8786", watch)

    def update(self, *addresses: str) -> None:
        """Take a list in until all handshakes are done."""
        self.workers.update(self.client, listed(*addresses))
        until(lambda: all(future.done() for future in self.workers._shaking.values()))
        self.workers.update(self.client, listed(*addresses))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHOW_SECONDS", 0.0)


def test_workers_are_used_once_they_have_shaken_hands() -> None:
    scene = Scene(Client())
    scene.update(A, B)
    assert scene.workers.usable() == {A, B}
    assert scene.workers.threads() == 4
    assert scene.shown[-1] == [WorkerFacts(A, 2, 300_000_000, 4_000_000_000),
                               WorkerFacts(B, 2, 300_000_000, 4_000_000_000)]  # fmt: skip
    scene.update(B)
    assert scene.workers.usable() == {B}
    scene.workers.leave()
    assert scene.workers.usable() == frozenset()
    assert scene.shown[-1] == []


def test_a_foreign_worker_is_named_once() -> None:
    scene = Scene(Client(a={**own_versions(), "pillow": "1.0"}))
    scene.update(A, B)
    scene.update(A, B)
    assert scene.workers.usable() == {B}
    assert [A in text and "pillow 1.0" in text for text in scene.said] == [True]
    scene.workers.leave()


def test_nothing_but_foreign_workers_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(Client(a=ModuleNotFoundError("captionmill")))
    scene.update(A)  # a better one may still come
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0.0)
    with pytest.raises(UsageError, match="none of the 1 worker at tcp://s:8786 can be used"):
        scene.update(A)
    scene.workers.leave()


def test_the_last_worker_that_is_barred_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0.0)
    scene = Scene(Client())
    scene.update(A, B)
    scene.workers.bar(A, "it cannot read /x")
    assert scene.workers.usable() == {B}
    assert "1 worker of tcp://s:8786 in use; tcp://a:1 is not used: it cannot" in (
        scene.workers.described()
    )
    with pytest.raises(UsageError, match="it cannot read /x"):
        scene.workers.bar(B, "it cannot read /x")
    scene.workers.leave()
    assert "has no workers" in scene.workers.described()
