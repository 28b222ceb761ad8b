from __future__ import annotations

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from pipeline.errors import UsageError
from pipeline.providers.base import BatchOptions
from pipeline.session.model_check import check_model, missing_model
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.system.secrets import Secret
from tests.rig import Rig


@dataclass
class Listing:
    """A service at an address that lists one model."""

    options: BatchOptions

    def models(self) -> tuple[str, ...]:
        return ("gpt-6-luna",)


def test_a_model_that_is_not_listed_is_told_from_the_next_best() -> None:
    assert missing_model("gpt-6-luna", ["gpt-6-luna"]) == ""
    assert missing_model("gpt-6-luna", []) == ""
    assert missing_model("gpt-6-lna", ["gpt-6-luna"]).endswith("did you mean gpt-6-luna?")
    assert "--model" in missing_model("xyzzy", ["gpt-6-luna"])


def test_openais_list_is_believed_and_others_are_said(rig: Rig) -> None:
    with open_session(RunSettings.of(rig.config()), "run", rig.said.append) as session:
        for url, refused in (("https://api.openai.com/v1", True), ("https://x.test/v1", False)):
            service = Listing(BatchOptions(Secret("k"), url))
            asked = replace(session, context=replace(session.context, service=service))  # type: ignore[arg-type]
            check_model(asked, "gpt-6-luna")
            if refused:
                with pytest.raises(UsageError, match="did you mean gpt-6-luna"):
                    check_model(asked, "gpt-6-lna")
            else:
                check_model(asked, "gpt-6-lna")
                assert rig.said[-1].endswith("the first requests will tell")


def test_a_run_asks_the_service_once_before_the_first_upload(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.add("b.png", first=5)
    rig.run()
    asked = [r for r in rig.server.bill.requests("GET") if r.path == "/v1/models"]
    assert len(asked) == 1
