from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines import dask_client
from pipeline.engines.dask_client import ClusterOptions, connect, failure, lost_errors
from pipeline.engines.nodes import Chunk, ChunkFailed
from pipeline.errors import UsageError

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")


def test_what_is_nobodys_fault_is_lost() -> None:
    from distributed.comm import CommClosedError

    for error in (OSError(), TimeoutError(), CommClosedError(), lost_errors()[3]("k", "r", "m")):
        assert failure(Chunk([]), error).kind == "lost"


def test_failures_say_who_and_why() -> None:
    from distributed.scheduler import KilledWorker

    killed = KilledWorker("task", None, 3)  # type: ignore[no-untyped-call]
    assert failure(Chunk([]), killed).kind == "killed"
    refused = failure(Chunk([]), ChunkFailed("tcp://a:1", "no such bucket", refused=True))
    assert (refused.kind, refused.worker, refused.words) == (
        "refused", "tcp://a:1", "no such bucket",
    )  # fmt: skip
    assert failure(Chunk([]), ChunkFailed("tcp://a:1", "no memory")).kind == "failed"
    odd = failure(Chunk([]), KeyError("x"))
    assert (odd.kind, odd.worker, odd.words) == ("failed", "", "KeyError: 'x'")


def test_files_for_tls_are_there(tmp_path: Path) -> None:
    options = ClusterOptions("tls://127.0.0.1:9", tls_ca=tmp_path / "ca.pem")
    with pytest.raises(UsageError, match=r"no file .*ca.pem, which \[engine\] names for TLS"):
        connect(options, 0.1)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install "captionmill\[cluster\]"'):
        dask_client._imported_client()
