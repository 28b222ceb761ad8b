from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.batch_errors import classify
from pipeline.errors import (
    Ambiguous,
    DefiniteRefusal,
    NeedsPerson,
    NotFound,
    ServiceError,
    UsageError,
)
from pipeline.providers.base import AccountRefusal, BatchOptions, BatchService, Timeouts
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.records import RemoteBatch
from pipeline.server.embedded import embedded_server
from pipeline.system.secrets import Secret

KEY = Secret("sk-test-0123456789")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://[::1]:8080/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://192.168.0.7/v1", False),
        ("https://localhost.example.com/v1", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert BatchOptions(KEY, url).loopback is loopback


@pytest.mark.parametrize(
    "url",
    ["api.openai.com/v1", "ftp://host/v1", "https://", "https://me:pw@host/v1", "https://h/v1?a=b"],
)
def test_an_address_that_cannot_work(url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        BatchOptions(KEY, url)


@pytest.mark.parametrize("headers", [{"X-A": "two\r\nlines"}, {"X-A": "Ä"}, {"X\n": "a"}])
def test_a_header_that_cannot_be_sent(headers: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="extra header"):
        BatchOptions(KEY, extra_headers=headers)


def test_options_show_no_secret() -> None:
    options = BatchOptions(KEY, extra_headers={"api-key": "another-secret"})
    assert "0123456789" not in repr(options)
    assert "another-secret" not in repr(options)
    assert options.secrets() == ("sk-test-0123456789", "another-secret")


@pytest.mark.parametrize("field", ["connect", "silence", "answer", "transfer"])
def test_timeouts_are_above_zero(field: str) -> None:
    with pytest.raises(UsageError):
        Timeouts(**{field: 0})


def test_an_account_refusal_is_both() -> None:
    error = AccountRefusal("no", status=429, code="insufficient_quota")
    assert isinstance(error, NeedsPerson)
    assert isinstance(error, DefiniteRefusal)
    assert error.exit_code == NeedsPerson.exit_code
    assert (error.status, error.code) == (429, "insufficient_quota")


def test_naming_a_service_does_not_import_the_sdk() -> None:
    program = (
        "import sys, pipeline.providers.base, pipeline.providers.openai_batch\n"
        "print(sorted({'openai', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- the Protocol, told as a story against the loopback server ------------------------------------

FAULTS = """
[listing]
page_size = 2

[[request]]
method = "POST"
path = "/v1/batches"
times = 1
action = "drop_after"

[[request]]
method = "POST"
path = "/v1/batches"
times = 1
action = "drop_before"

[[request]]
method = "POST"
path = "/v1/batches"
times = 1
action = "redirect"
status = 307

[[request]]
method = "POST"
path = "/v1/batches"
times = 1
action = "status"
status = 429
code = "rate_limit_exceeded"
retry_after = 3.0

[[request]]
method = "GET"
path = "/v1/files/*/content"
times = 2
action = "truncate_silently"
keep = 0.6

[[request]]
method = "GET"
path = "/v1/files/*/content"
times = 1
action = "truncate"
"""


@contextlib.contextmanager
def loopback(folder: Path, faults: str = "") -> Iterator[BatchService]:
    """The adapter, open, and a server of its own that does what `faults` say."""
    plan = folder / "plan.toml"
    plan.write_text(faults)
    options = ("--captioner", "echo", "--faults", str(plan))
    times = Timeouts(connect=5, silence=20, answer=20, transfer=60)
    with embedded_server(folder / "state", options=options) as url:
        opened = OpenAIBatches(BatchOptions(Secret("local"), url, timeouts=times))
        yield opened
        opened.close()


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[BatchService]:
    with loopback(tmp_path, FAULTS) as opened:
        yield opened


@pytest.fixture
def service(tmp_path: Path) -> Iterator[BatchService]:
    with loopback(tmp_path) as opened:
        yield opened


def shard(folder: Path) -> Path:
    path = folder / "shard.jsonl"
    message = {"role": "user", "content": "a caption, please"}
    body = {"model": "gpt-6-luna", "max_completion_tokens": 20, "messages": [message]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    lines = [json.dumps({"custom_id": f"c{n}", **line}) + "\n" for n in range(20)]
    path.write_text("".join(lines))
    return path


def until_over(service: BatchService, batch: RemoteBatch) -> RemoteBatch:
    while not batch.terminal:
        time.sleep(0.05)
        batch = service.get(batch.id)
    return batch


def test_the_way_of_a_batch_under_faults(faulty: BatchService, tmp_path: Path) -> None:
    service = faulty
    path = shard(tmp_path)
    file = service.upload(path, "ours-1.jsonl")
    assert file.bytes == path.stat().st_size
    assert service.find_uploads("ours-1.jsonl") == [file]

    for n in ("dropped after", "dropped before", "redirected"):
        with pytest.raises(Ambiguous):
            service.create(input_file_id=file.id, metadata={"n": n})
    with pytest.raises(DefiniteRefusal) as refused:
        service.create(input_file_id=file.id, metadata={"n": "refused"})
    assert refused.value.retry_after == 3
    first, *_ = [service.create(input_file_id=file.id, metadata={"n": n}) for n in "123"]
    listed = list(service.list_batches())
    # one lost answer had an effect, nothing was posted twice, pages of two were joined
    assert sorted(b.metadata["n"] for b in listed) == ["1", "2", "3", "dropped after"]
    assert {b.input_file_id for b in listed} == {file.id}

    done = until_over(service, first)
    assert (done.status, done.total, done.completed, done.failed) == ("completed", 20, 20, 0)
    assert done.output_file_id is not None
    for _ in range(3):
        with pytest.raises(ServiceError, match="cut off"):
            service.download(done.output_file_id, tmp_path / "out")
    size = service.download(done.output_file_id, tmp_path / "out")
    content = (tmp_path / "out").read_bytes()
    assert len(content) == size
    ids = {json.loads(line)["custom_id"] for line in content.split(b"\n")[:-1]}
    assert ids == {f"c{n}" for n in range(20)}

    for batch in listed:
        until_over(service, batch)
    for _ in range(2):
        service.delete_file(file.id)
    assert service.find_uploads("ours-1.jsonl") == []


def test_what_is_not_there(service: BatchService, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        service.get("batch_none")
    with pytest.raises(NotFound):
        service.cancel("batch_none")
    with pytest.raises(NotFound):
        service.download("file-none", tmp_path / "out")
    with pytest.raises(DefiniteRefusal) as refused:
        service.create(input_file_id="file-none", metadata={})
    assert classify(refused.value.code, str(refused.value)).kind == "file_not_found_yet"


def test_a_name_that_the_service_refuses(service: BatchService, tmp_path: Path) -> None:
    with pytest.raises(DefiniteRefusal):
        service.upload(shard(tmp_path), "ours.txt")
