"""A ledger whose file was damaged: every command says so in words, and nothing is paid again."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.cli.conftest import Terminal, at
from tests.rig import Rig

PAGE = 4096
BUG = 70
DAMAGED = 8
COMMANDS = ("status", "run", "collect", "export", "verify")
KINDS = {
    "zeros": lambda _dice, page: bytes(len(page)),
    "ones": lambda _dice, page: b"\xff" * 64 + page[64:],
    "noise": lambda dice, page: dice.randbytes(len(page)),
    "half": lambda dice, page: page[: len(page) // 2] + dice.randbytes(len(page) // 2),
    "some bytes": lambda dice, page: _flipped(dice, bytearray(page)),
}


def _flipped(dice: random.Random, page: bytearray) -> bytes:
    for _ in range(40):
        page[dice.randrange(len(page))] ^= 1 << dice.randrange(8)
    return bytes(page)


def read(rig: Rig) -> bytes:
    """The ledger as one file, without a journal."""
    copy = rig.workspace.root / "copy"
    with rig.ledger() as ledger:
        ledger.database.backup(copy)
    return copy.read_bytes()


def put(rig: Rig, data: bytes) -> None:
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    rig.workspace.ledger.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_is_said_and_never_a_bug(
    rig: Rig,
    captionmill: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    openai, dice = at(rig, captionmill, monkeypatch), random.Random(kind)
    rig.add(*(f"sub{n % 3}/{n}.png" for n in range(24)))
    assert openai("run", rig.data, "--provider", "openai").code == 0
    whole = read(rig)
    found: Counter[int] = Counter()
    pages = range(len(whole) // PAGE)
    for number, page in enumerate(dice.sample(pages, min(len(pages), 20))):
        start = page * PAGE + (100 if page == 0 and kind != "zeros" else 0)
        end = (page + 1) * PAGE
        damaged = KINDS[kind](dice, whole[start:end])
        put(rig, whole[:start] + damaged + whole[end:])
        command = COMMANDS[number % len(COMMANDS)]
        words = [command, str(rig.data)] if command == "run" else [command]
        shown = openai(*words, "--provider", "openai")
        found[shown.code] += 1
        assert shown.code != BUG, (page, command, shown.err)
        if shown.code == DAMAGED and command != "verify":
            said = shown.out + shown.err
            ways = ("ledger.db is damaged", "captionmill rebuild"), ("add up", "captionmill verify")
            assert any(all(word in said for word in way) for way in ways), (page, command, said)
    assert found[DAMAGED] > 0
    assert set(found) <= {0, 2, 3, 5, DAMAGED}, found
    assert not rig.server.bill.billed_again()


def test_a_damaged_ledger_is_rebuilt_as_it_is_told(
    rig: Rig, captionmill: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai = at(rig, captionmill, monkeypatch)
    rig.add("a.png", "b.png")
    openai("run", rig.data, "--provider", "openai")
    data = read(rig)
    put(rig, data[: PAGE * 2] + b"\xff" * (len(data) - PAGE * 2))
    assert openai("run", rig.data, "--provider", "openai").code == DAMAGED
    assert openai("rebuild", "--provider", "openai").code == 0
    assert openai("run", rig.data, "--provider", "openai").code == 0
    assert rig.outcomes() == {"captioned": 2}
    rig.check()
