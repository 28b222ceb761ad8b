from __future__ import annotations

from pipeline.providers.base import HttpReply
from pipeline.providers.openai_online import OpenAIOnline
from pipeline.stages.online.service import OnlineReply, OnlineService


def test_the_provider_has_what_the_dispatcher_asks_for() -> None:
    for wanted, offered in ((OnlineService, OpenAIOnline), (OnlineReply, HttpReply)):
        names = {name for name in vars(wanted) if not name.startswith("_")}
        assert names
        assert names <= {*dir(offered), *getattr(offered, "__dataclass_fields__", ())}
