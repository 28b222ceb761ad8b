from __future__ import annotations

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError


def test_logs_are_kept_by_number_or_by_age() -> None:
    assert load_config(None, {"log.keep": 5}).log.keep == 5
    assert load_config(None, {"log.keep": "30d"}).log.keep == "30d"
    for wrong in (0, True, "soon", "0d", 1.5):
        with pytest.raises(UsageError, match=r'\[log\] keep.*an age, such as "30d"'):
            load_config(None, {"log.keep": wrong})


def test_a_share_is_a_part_of_one() -> None:
    with pytest.raises(UsageError, match="failed_share"):
        load_config(None, {"notify.failed_share": "1.1"})
