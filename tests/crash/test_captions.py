"""Captions come out as the service gave them, whatever is in them; nothing secret goes in."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter

import pytest

from pipeline.server.faults import BatchFault, FaultPlan, LineFault
from pipeline.server.responder import _SPECIAL
from tests.crash.cases import Tally, chosen, parts
from tests.crash.child import KEY
from tests.crash.pictures import GPS_MARK
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

ODD = ("line_separators", "control_characters", "surrogate", "huge")
_LONG = {"prompt.max_completion_tokens": 100_000}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_caption_is_kept_verbatim_across_kills(
    kind: str, zygote: Zygote, tally: Tally
) -> None:
    group = f"caption: {kind}"
    late = [place for place in visits(zygote, "first run") if _is_late(place[0])]
    cases = chosen(group, late, 2, 0, 1)
    tally.play(group, [None, *cases], lambda kill: told(zygote, kind, kill))


def _is_late(name: str) -> bool:
    return name.startswith(("collect.", "export.", "ledger.before_commit.settle"))


def told(
    zygote: Zygote, kind: str, kill: tuple[str, int] | None, mutant: str | None = None
) -> list[str]:
    faults = FaultPlan(line=(LineFault(outcome=kind),))  # type: ignore[arg-type]
    settings = _LONG if kind == "huge" else {}
    with World(zygote, 3, faults=faults, settings=settings, cap=None, mutant=mutant) as world:
        world.expected = lambda *_: _text(kind)  # type: ignore[method-assign]
        world.run(kill=kill)
        world.recover()
        outcome = "length" if kind == "huge" else "captioned"
        world.judge.rest(Counter({outcome: 3}))
        for row in world.judge.table() if kind == "huge" else ():
            caption = row["caption"]  # cut after so many tokens of the model's
            if len(caption) < 100_000 or not _SPECIAL["huge"].startswith(caption):
                world.judge.fault("the long caption is not as it was")
        kept = {"surrogate": b"\\ud800", "control_characters": b"\\u0000"}.get(kind)
        if kept is not None:
            raw = b"".join(gzip.decompress(p.read_bytes()) for p in _raw(world))
            if raw.count(kept) != 3:
                world.judge.fault("the raw file is not as it came")
        return world.judge.found


def _text(kind: str) -> str:
    # what no UTF-8 can hold is replaced; the raw file keeps it
    return _SPECIAL[kind].replace("\ud800", "\ufffd")


def _raw(world: World) -> list:  # type: ignore[type-arg]
    return sorted(world.workspace.glob("raw/*.gz"))


def test_a_line_that_is_no_json_is_missing_and_not_bought_again(zygote: Zygote) -> None:
    faults = FaultPlan(line=(LineFault(outcome="raw", text='{"half": ', times=1),))
    with World(zygote, 3, faults=faults) as world:
        assert world.run() == 5, "a person decides, and later runs look again"
        world.judge.look()
        assert Counter(row["outcome"] for row in world.judge.table()) == {
            "captioned": 2,
            "missing": 1,
        }
        posts = len(world.server.bill.requests("POST"))
        assert world.run() == 5
        assert len(world.server.bill.requests("POST")) == posts
        assert world.run("resolve", "write-off") == 0
        assert world.run() == 0
        assert len(world.server.bill.requests("POST")) == posts
        assert world.judge.found == []


def test_missing_lines_are_never_bought_again(zygote: Zygote) -> None:
    assert missing(zygote) == []


def missing(zygote: Zygote, mutant: str | None = None) -> list[str]:
    faults = FaultPlan(batch=(BatchFault(nth=1, missing=1),))
    with World(zygote, 3, faults=faults, mutant=mutant) as world:
        world.run()
        world.run()
        world.judge.look()
        outcomes = Counter(row["outcome"] for row in world.judge.table())
        if outcomes != {"captioned": 2, "missing": 1}:
            world.judge.fault(f"outcomes {dict(outcomes)}")
        return world.judge.found


@parts
def test_no_secret_leaves_and_none_is_kept(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("secrets", visits(zygote, "first run"), 4, part)
    tally.play("secrets", cases, lambda kill: secret(zygote, kill))


def secret(zygote: Zygote, kill: tuple[str, int]) -> list[str]:
    settings = {"batch.keep_shards": True, "batch.delete_remote_files": False}
    with World(zygote, 4, settings=settings) as world:
        world.run(kill=kill)
        world.judge._check_secrets()
        world.recover()
        world.judge.rest()
        pictures = 0
        for path in (world.root / "service" / "files").iterdir():
            data = path.read_bytes()
            if KEY.encode() in data or GPS_MARK in data:
                world.judge.fault(f"a secret is in the upload {path.name}")
            for line in data.split(b"\n"):
                for picture in _pictures(line):
                    pictures += 1
                    if GPS_MARK in picture:
                        world.judge.fault("GPS bytes were sent in a picture")
        if pictures < 4:
            world.judge.fault(f"only {pictures} pictures were looked at")
        rows = world.server.service.database.read("SELECT metadata FROM batches")
        texts = [row["metadata"] for row in rows]
        if any(str(world.root) in text or KEY in text for text in texts):
            world.judge.fault("metadata name this machine")
        return world.judge.found


def _pictures(line: bytes) -> list[bytes]:
    body = json.loads(line).get("body") if line else None
    if not body:
        return []
    parts = body["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition(",")[2]) for url in urls]
