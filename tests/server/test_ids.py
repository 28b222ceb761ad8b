from __future__ import annotations

import re
import uuid

from pipeline.server.ids import IdGenerator


def test_ids_look_like_the_service_ones_and_repeat_with_the_seed() -> None:
    naming = IdGenerator("seed")
    assert re.fullmatch(r"file-[0-9a-f]{24}", naming.identifier("file", 1, as_uuid=False))
    batch = naming.identifier("batch", 1, as_uuid=False)
    assert re.fullmatch(r"batch_[0-9a-f]{32}", batch)
    assert batch == IdGenerator("seed").identifier("batch", 1, as_uuid=False)
    assert batch != IdGenerator("other").identifier("batch", 1, as_uuid=False)
    assert batch != naming.identifier("batch", 2, as_uuid=False)
    assert uuid.UUID(naming.identifier("batch", 1, as_uuid=True))


def test_each_batch_is_shuffled_in_its_own_way() -> None:
    naming = IdGenerator("seed")
    orders = [sorted(range(20), key=lambda line: naming.rank(batch, line)) for batch in (1, 2)]
    assert orders[0] != orders[1]
    assert list(range(20)) not in orders
