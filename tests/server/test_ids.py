from __future__ import annotations

import re
import uuid

from pipeline.server.ids import IdGenerator


def test_ids_look_like_the_service_ones_and_repeat_with_the_seed() -> None:
    ids = IdGenerator("seed")
    assert re.fullmatch(r"file-[0-9a-f]{24}", ids.identifier("file", 1, as_uuid=False))
    batch = ids.identifier("batch", 1, as_uuid=False)
    assert re.fullmatch(r"batch_[0-9a-f]{32}", batch)
    assert batch == IdGenerator("seed").identifier("batch", 1, as_uuid=False)
    assert batch != IdGenerator("other").identifier("batch", 1, as_uuid=False)
    assert batch != ids.identifier("batch", 2, as_uuid=False)
    assert uuid.UUID(ids.identifier("batch", 1, as_uuid=True))


def test_each_batch_is_shuffled_in_its_own_way() -> None:
    ids = IdGenerator("seed")
    options = [sorted(range(20), key=lambda line: ids.rank(batch, line)) for batch in (1, 2)]
    assert options[0] != options[1]
    assert list(range(20)) not in options
