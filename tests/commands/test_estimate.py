import shutil

import pytest

from pipeline.commands.estimate import estimate
from pipeline.errors import Busy, StorageError
from pipeline.ledger import Ledger
from tests.rig import Rig


def test_an_estimate_needs_no_key_sends_nothing_and_is_not_forgotten(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png", "b.png")
    shutil.copy(rig.data / "a.png", rig.data / "copy.png")
    (rig.data / "broken.jpg").write_text("no image")
    monkeypatch.delenv("OPENAI_API_KEY")
    found = estimate(rig.config(), rig.data)
    quote = found.quote
    assert (quote.images, quote.unique, quote.duplicates, quote.rejected) == (4, 2, 1, 1)
    assert (quote.requests, quote.unread) == (2, 0)
    assert rig.server.bill.requests() == []
    with rig.ledger() as ledger:
        assert len(ledger.quoted.sizes(1, *_recipes(ledger))) == 1


def _recipes(ledger: object) -> list[object]:
    from pipeline.ledger import Ledger
    from pipeline.ledger.specs import RecipeRow

    assert isinstance(ledger, Ledger)
    return [RecipeRow(ledger.database.number("SELECT id FROM recipes"), b"")]


def test_a_run_after_an_estimate_pays_what_was_said(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    quote = estimate(rig.config(), rig.data).quote
    rig.run()
    assert quote.max_cost is not None
    assert rig.server.bill.total_nano() <= quote.max_cost
    assert quote.requests == len(rig.server.bill.rows())


def test_an_estimate_reserves_what_a_run_does_also_after_dear_bills(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.database.execute("UPDATE calibration SET billed = 3 * estimated")
    rig.add("b.png", first=7)
    found = estimate(rig.config(), rig.data).quote
    rig.run(wait=False)
    with rig.ledger() as ledger:
        (reserved,) = ledger.database.one("SELECT MAX(reserved) FROM reservations") or (None,)
        assert found.max_cost == reserved


def test_prices_of_openai_models_can_be_asked_from_a_local_configuration(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    monkeypatch.delenv("OPENAI_API_KEY")
    found = estimate(rig.config(provider__name="auto"), rig.data, models=("gpt-6-luna",))
    assert [row.name for row in found.models] == ["gpt-6-luna"]
    assert found.models[0].expected


def test_a_workspace_at_work_is_not_disturbed(rig: Rig) -> None:
    rig.add("a.png")
    rig.workspace.create()
    with rig.workspace.lock(), pytest.raises(Busy):
        estimate(rig.config(), rig.data)


def test_a_workspace_on_a_network_file_system_is_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.system.network_disk.network_file_system", lambda *_: "nfs")
    rig.add("a.png")
    with pytest.raises(StorageError, match="file locks are not reliable"):
        estimate(rig.config(), rig.data)
    assert not rig.workspace.exists()
    said: list[str] = []
    estimate(rig.config(allow_network_workspace=True), rig.data, say=said.append)
    assert any("only one machine" in text for text in said)
