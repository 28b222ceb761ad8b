"""What `test_executor` cannot reach: a cancel that comes in while files are being written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openai

from pipeline.server.app import LoopbackServer
from pipeline.server.settings import BatchDurations
from tests.server.support import submit, wait_for


def test_a_cancel_in_between_leaves_no_files(
    start: Callable[..., LoopbackServer], connect: Callable[..., openai.OpenAI], tmp_path: Path
) -> None:
    server = start(durations=BatchDurations(finalize=1000, cancel=1000))
    client = connect(server.base_url)
    batch = submit(client, 3)
    wait_for(client, batch.id, "finalizing")
    service = server.service
    decided = service.batches.unfinished()[0]
    client.batches.cancel(batch.id)
    service.publisher.publish(decided, "completed")
    seen = client.batches.retrieve(batch.id)
    assert (seen.status, seen.output_file_id) == ("cancelling", None)
    assert [path.name for path in (tmp_path / "state" / "files").iterdir()] == [batch.input_file_id]
    server.clock.advance(1001)
    assert wait_for(client, batch.id).status == "cancelled"
    assert len(client.files.content(client.batches.retrieve(batch.id).output_file_id).content) > 0
