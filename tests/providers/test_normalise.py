from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.providers.normalise import Malformed, batch_status, remote_batch, remote_file
from pipeline.records import RemoteBatch, RemoteFile

OPENAI = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": "file-in",
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-out",
    "error_file_id": None,
    "created_at": 1_790_000_000,
    "expires_at": 1_790_086_400,
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "metadata": {"shard": "a1"},
    "model": "gpt-6-luna",
}


def test_a_batch_of_openai() -> None:
    assert remote_batch(OPENAI) == RemoteBatch(
        id="batch_1",
        status="completed",
        input_file_id="file-in",
        output_file_id="file-out",
        error_file_id=None,
        created_at=1_790_000_000,
        expires_at=1_790_086_400,
        total=3,
        completed=2,
        failed=1,
        metadata={"shard": "a1"},
        endpoint="/v1/chat/completions",
        model="gpt-6-luna",
        raw_status="completed",
    )


def test_a_job_of_together() -> None:
    """https://docs.together.ai/reference/batch-create"""
    job = {
        "id": "01234567-8901-2345-6789-012345678901",
        "input_file_id": "file-in",
        "status": "FAILED",
        "job_deadline": "2024-01-15T15:30:00Z",
        "created_at": "2024-01-15T14:30:00Z",
        "endpoint": "/v1/chat/completions",
        "progress": 75,
        "model_id": "meta-llama/Llama-4",
        "output_file_id": "",
        "error": "the file is empty",
    }
    found = remote_batch({"job": job, "warning": ""})
    assert found == remote_batch(job)
    assert (found.id, found.status, found.model) == (job["id"], "failed", "meta-llama/Llama-4")
    assert found.expires_at == found.created_at + 3600
    assert found.output_file_id is None
    assert found.errors == (("", "the file is empty"),)
    assert remote_batch({**job, "error": ""}).errors == ()


def test_an_object_of_the_sdk() -> None:
    from openai.types import Batch, FileObject

    # an object of the SDK does not tell a field that is null from one that is not there
    assert remote_batch(Batch.construct(**OPENAI)) == replace(remote_batch(OPENAI), began=False)
    file = {"id": "f", "bytes": 3, "created_at": 4, "filename": "a.jsonl", "purpose": "batch"}
    assert remote_file(FileObject.construct(**file)) == RemoteFile("f", "a.jsonl", 3, 4, "batch")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("completed", "completed"),
        ("COMPLETED", "completed"),
        ("In-Progress", "in_progress"),
        ("IN_PROGRESS", "in_progress"),
        ("canceled", "cancelled"),
        ("CANCELING", "cancelling"),
        (" expired ", "expired"),
        ("JOB_STATE_SUCCEEDED", "completed"),
        ("JOB_STATE_RUNNING", "in_progress"),
        ("InProgress", "in_progress"),
        ("SUCCESS", "completed"),
        ("ended", "completed"),
        ("TIMEOUT_EXCEEDED", "expired"),
        ("CANCELLATION_REQUESTED", "cancelling"),
        ("queued", "validating"),
        ("paused", "unknown"),
        ("", "unknown"),
    ],
)
def test_statuses(raw: str, status: str) -> None:
    assert batch_status(raw) == status
    batch = remote_batch({"id": "b", "status": raw})
    assert batch.status == status
    assert batch.raw_status == raw.strip()


def test_an_unknown_status_is_not_the_end() -> None:
    assert not remote_batch({"id": "b", "status": "SUCCEEDED_MAYBE"}).terminal
    running = {"total": 3, "completed": 1, "failed": 0}
    early = {"id": "b", "status": "crunching", "output_file_id": "f", "request_counts": running}
    assert not remote_batch(early).terminal


@pytest.mark.parametrize(
    "more",
    [
        {"request_counts": {"total": 3, "completed": 2, "failed": 1}},
        {"completed_at": 1_790_000_000, "request_counts": None},
        {"end_time": "2026-09-21T14:13:20Z"},
    ],
)
def test_an_unknown_word_beside_files_and_their_end_is_the_end(more: dict[str, object]) -> None:
    batch = {"id": "b", "status": "fertig", "output_file_id": "f", **more}
    assert remote_batch(batch).status == "completed"
    assert remote_batch(batch).raw_status == "fertig"
    assert not remote_batch({**batch, "output_file_id": ""}).terminal


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (1_790_000_000, 1_790_000_000),
        (1_790_000_000.9, 1_790_000_000),
        (1_790_000_000_123, 1_790_000_000),
        ("1790000000", 1_790_000_000),
        ("2026-09-21T14:13:20Z", 1_790_000_000),
        ("2026-09-21T14:13:20.123456Z", 1_790_000_000),
        ("2026-09-21T16:13:20+02:00", 1_790_000_000),
        ("2026-09-21T14:13:20", 1_790_000_000),
        ("soon", None),
        ("9" * 30, None),
        (0, None),
        (-5, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_timestamps(raw: object, seconds: int | None) -> None:
    batch = remote_batch({"id": "b", "expires_at": raw, "created_at": raw})
    assert batch.expires_at == seconds
    assert batch.created_at == (seconds or 0)


def test_empty_ids_are_none() -> None:
    batch = remote_batch({"id": "b", "output_file_id": "", "error_file_id": "  "})
    assert (batch.output_file_id, batch.error_file_id, batch.input_file_id) == (None, None, "")


@pytest.mark.parametrize("counts", [None, {}, "3", {"total": None, "completed": -1, "failed": "x"}])
def test_missing_counts_are_none(counts: object) -> None:
    batch = remote_batch({"id": "b", "request_counts": counts})
    assert (batch.total, batch.completed, batch.failed) == (None, None, None)


def test_counts_as_text() -> None:
    assert remote_batch({"id": "b", "request_counts": {"total": "12"}}).total == 12


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        (None, ()),
        ({"object": "list", "data": []}, ()),
        ({"data": [{"code": "empty_file", "message": "Empty."}]}, (("empty_file", "Empty."),)),
        (
            {"data": [{"code": "invalid_json_line", "message": "Not JSON.", "line": 4}]},
            (("invalid_json_line", "line 4: Not JSON."),),
        ),
        ([{"message": "Oh."}], (("", "Oh."),)),
        ({"message": "Oh.", "code": 7}, (("7", "Oh."),)),
        ("Oh.", (("", "Oh."),)),
        ("", ()),
        (5, ()),
        ({"data": ["Oh.", None]}, (("", "Oh."),)),
    ],
)
def test_errors(raw: object, errors: tuple[tuple[str, str], ...]) -> None:
    assert remote_batch({"id": "b", "errors": raw}).errors == errors


def test_metadata_is_text() -> None:
    batch = remote_batch({"id": "b", "metadata": {"a": 1, "b": None, "c": "x"}})
    assert batch.metadata == {"a": "1", "c": "x"}
    assert remote_batch({"id": "b", "metadata": "{}"}).metadata == {}


def test_a_wrapped_object() -> None:
    inner = {"id": "file-j", "bytes": 8509, "createdAt": 1_741_685_396, "filename": "r.jsonl"}
    answer = {"code": 20000, "message": "Ok", "status": True, "data": inner}
    assert remote_file(answer) == RemoteFile("file-j", "r.jsonl", 8509, 1_741_685_396, "")


@pytest.mark.parametrize("size", [None, "x", -1, 1.5, True])
def test_an_unknown_size_is_none(size: object) -> None:
    assert remote_file({"id": "f", "bytes": size}).bytes is None


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"id": ""}, {"id": None}, {"id": True}, {"data": {"x": 1}}]
)
def test_an_answer_without_an_id(answer: object) -> None:
    with pytest.raises(Malformed):
        remote_batch(answer)
    with pytest.raises(Malformed):
        remote_file(answer)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*OPENAI, "createdAt", "model_id"]), json_values))
def test_any_fields_give_a_batch(fields: dict[str, object]) -> None:
    batch = remote_batch({**fields, "id": "b"})
    assert batch.id == "b"
    hash((batch.id, batch.status, batch.created_at, batch.expires_at, batch.errors))


def test_a_batch_names_its_own_tokens() -> None:
    usage = {"input_tokens": 30, "output_tokens": 4, "total_tokens": 34}
    batch = remote_batch({"id": "b", "status": "completed", "usage": usage})
    assert (batch.prompt_tokens, batch.completion_tokens) == (30, 4)
    assert remote_batch({"id": "b", "status": "completed"}).prompt_tokens is None
