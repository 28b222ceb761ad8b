"""Workspaces that an earlier version made are opened and gone on with: nothing is paid for again,
and what was paid for arrives.

tests/kept holds them, one folder a version, with what that version said about them and the script
that made them. Whatever is not among their settings is the default: a default that changed may
mean that captions are bought anew, which this is to notice.
"""

from __future__ import annotations

import gc
import gzip
import json
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from tests.rig import Rig, open_rig

KEPT = Path(__file__).parents[1] / "kept" / "0.1.0"
PLACE = "/kept"  # where the kept workspaces were made; no one's
BATCHES, CHAT = "/v1/batches", "/v1/chat/completions"
SETTLED = ["batches", "online", "manifest", "local"]
WHEN = {"first_seen_at", "captioned_at", "received_at"}
NEW = WHEN | {"batch_id", "request_id", "price_version"}  # of answers that come only now
BILL = {"prompt_tokens", "completion_tokens", "estimated_cost", "billed_cost", "charged_cost"}

Table = list[dict[str, Any]]
_IDENTITIES = {"source_id", "content_id", "spec_id", "work_key"}


class Kept:
    """A copy of a kept workspace, a service, and the command line."""

    def __init__(self, root: Path, name: str, rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.name, self.rig, self._capsys = root, name, rig, capsys
        text = root.joinpath("kept.json").read_text(encoding="utf-8")
        self.known: dict[str, Any] = json.loads(text.replace(f"{PLACE}/{name}", str(root)))
        settings: dict[str, str] = self.known["settings"]
        self.local = settings["provider.name"] == "local"
        if (
            self.local
        ):  # the model of 0.1.0; the one of today makes captions of its own, for nothing
            settings = settings | {"provider.local_model": "efficientnet-lite0"}
        else:
            settings = settings | {"provider.base_url": rig.server.base_url}
        self._options = [f"--set={key}={value}" for key, value in settings.items()]
        self._options += ["--workspace", str(root / "ws")]
        self._before = {path: rig.posts(path) for path in (None, BATCHES, CHAT)}

    def call(self, *arguments: str) -> tuple[int, str]:
        """(exit code, what was printed) of one command."""
        self._capsys.readouterr()
        command, *more = arguments
        line = ["captionmill", command, *self._options, *more]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", line)
            patch.setattr(gc, "set_threshold", lambda *_: None)  # the tests keep their own
            with pytest.raises(SystemExit) as left:
                main()
        assert isinstance(left.value.code, int)
        return int(left.value.code), self._capsys.readouterr().out

    def run(self, *more: str) -> tuple[int, dict[str, Any]]:
        """(exit code, report) of a run over the kept images."""
        data = [one if one.startswith("-") else str(self.root / one) for one in self.known["data"]]
        code, said = self.call("run", "--yes", "--json", *data, *more)
        return code, json.loads(said)

    def status(self, then: str) -> dict[str, Any]:
        """What `status` says, of all that it said in 0.1.0."""
        code, said = self.call("status", "--json")
        assert code == 0
        found = json.loads(said)
        batches = [
            {key: batch[key] for key in old}
            for batch, old in zip(found["batches"], self.known[then]["batches"], strict=False)
        ]
        return {key: found.get(key) for key in self.known[then]} | {"batches": batches}

    def table(self) -> Table:
        """The table of captions."""
        return plain(self.root / "ws" / "captions.parquet")

    def charges(self) -> Table:
        """The table of charges."""
        path = self.root / "charges.parquet"
        assert self.call("export", "--charges", str(path))[0] == 0
        return plain(path)

    def lose_ledger(self) -> None:
        """Remove the ledger."""
        for path in self.root.joinpath("ws").glob("ledger.db*"):
            path.unlink()

    def asked(self, path: str | None = None) -> int:
        """POST requests of one path, or of all, since the workspace was kept."""
        if self.local:
            with closing(self.rig.server.bill.open(self.root / "ws" / "server")) as books:
                return len(books.requests("POST")) - self.known["local_posts"]
        return self.rig.posts(path) - self._before[path]

    def files(self) -> dict[str, bytes]:
        """The images and what lies beside them."""
        folder = self.root / "images"
        return {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }


def plain(path: Path) -> Table:
    """A table as plain data, without what is null."""
    return [
        {
            name: value if isinstance(value, int | list) else str(value)
            for name, value in row.items()
            if value is not None
        }
        for row in pq.read_table(path).to_pylist()
    ]


def in_order(rows: Table) -> Table:
    """Rows of charges, whatever the order in which their answers were read."""
    return sorted(rows, key=lambda row: str(row.get("custom_id")))


def same(found: Table, kept: dict[str, Any], *, but: Collection[str] = ()) -> bool:
    """Compare all columns that the kept table has."""
    names = set(kept["columns"]) - set(but)
    # 0.1.0 wrote "" where an image was never read; today that is null, which a plain row leaves out
    before = [
        {k: v for k, v in row.items() if k in names and not (k in _IDENTITIES and v == "")}
        for row in kept["rows"]
    ]
    # and it charged what no image shows any more without the path that was sent
    assert [
        {k: v for k, v in row.items() if k in names and (k != "path" or k in old)}
        for row, old in zip(found, before, strict=True)
    ] == before
    return True


def bring(name: str, root: Path) -> None:
    """Copy a kept workspace to where a test may use it."""
    shutil.copytree(KEPT / name, root, dirs_exist_ok=True)
    for packed in root.rglob("*.db.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    # Git keeps neither empty folders nor modes
    for folder in ("", "shards", "raw", "logs"):
        root.joinpath("ws", folder).mkdir(exist_ok=True)
    for path in (root / "ws", *root.joinpath("ws").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    # a source is known by its absolute path, and the copy has another one
    with closing(sqlite3.connect(root / "ws" / "ledger.db")) as ledger, ledger:
        for table, column in (("sources", "locator"), ("images", "location")):
            ledger.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",
                (f"{PLACE}/{name}", str(root)),
            )
        # a machine whose clock is behind would wait for the end of the pause after a refusal
        ledger.execute("UPDATE shards SET not_before = 0")
    if root.joinpath("server").is_dir():
        # the service's time goes on from where it was, or its batches would have expired
        then = json.loads(root.joinpath("kept.json").read_bytes())["server_time"]
        with closing(sqlite3.connect(root / "server" / "server.db")) as database, database:
            for key, value in (("origin", then), ("real_origin", time.time())):
                database.execute(
                    "UPDATE meta SET value = ? WHERE key = ?", (repr(value), f"clock.{key}")
                )


@pytest.fixture
def opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Kept]]:
    """Opens a kept workspace by its name, with a service that answers at once."""
    for name, value in (("OPENBLAS_NUM_THREADS", "1"), ("PYDANTIC_DISABLE_PLUGINS", "__all__")):
        monkeypatch.setenv(name, value)  # as the command does; taken back afterwards
    with ExitStack() as stack:

        def open_kept(name: str) -> Kept:
            bring(name, tmp_path)
            return Kept(
                tmp_path, name, stack.enter_context(open_rig(tmp_path, monkeypatch)), capsys
            )

        yield open_kept


Opened = Callable[[str], Kept]


@pytest.mark.parametrize("name", SETTLED)
def test_what_is_settled_is_not_paid_for_again(opened: Opened, name: str) -> None:
    kept = opened(name)
    files = kept.files()
    assert kept.status("before") == kept.known["before"]
    assert kept.call("verify")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"]) == (0, 0)
    for verb in ("export", "collect", "clean", "verify"):
        assert same(kept.table(), kept.known["table"])
        assert same(kept.charges(), kept.known["charges"])
        assert kept.call(verb)[0] == 0
    assert kept.status("after") == kept.known["after"]
    assert kept.files() == files
    assert kept.asked() == 0
    assert kept.rig.server.bill.total_nano() == 0


def test_the_local_model_of_today_makes_captions_of_its_own(opened: Opened) -> None:
    kept = opened("local")
    code, report = kept.run("--set=provider.local_model=ssd-mobilenet-v2")
    assert (code, report["run_settled_nano_usd"]) == (0, 0)
    models = {row["model"] for row in kept.table() if row["outcome"] == "captioned"}
    assert models == {"captionmill-local-ssd-mobilenet-v2"}
    assert kept.rig.server.bill.total_nano() == 0


@pytest.mark.parametrize("name", SETTLED)
def test_a_lost_ledger_comes_back_from_the_kept_answers(opened: Opened, name: str) -> None:
    kept = opened(name)
    kept.lose_ledger()
    assert kept.call("rebuild")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"], kept.asked()) == (0, 0, 0)
    rebuilt = kept.known["rebuilt"]
    # rebuilt by 0.1.0 nothing told the prices, the estimates, nor what a lost answer counts
    but = {*WHEN, "price_version", "estimated_cost"}
    but |= {"billed_cost", "charged_cost"} if name == "online" else set()
    assert same(kept.table(), rebuilt["table"], but=but)
    for key in ("price_version", "estimated_cost"):
        before = {row.get(key) for row in kept.known["table"]["rows"] if row["in_source"]}
        assert {row.get(key) for row in kept.table()} | {None} == before | {None}
    charges = kept.charges()
    known = [row for row in charges if row["outcome"] != "lost"]
    assert same(
        in_order(known),
        rebuilt["charges"] | {"rows": in_order(rebuilt["charges"]["rows"])},
        but=but,
    )
    spent = sum(Decimal(row.get("charged_cost", "0")) for row in charges)
    settled = json.loads(kept.call("status", "--json")[1])["settled_nano_usd"]
    assert spent == Decimal(settled).scaleb(-9), "what nobody knows counts at its reservation"
    assert kept.call("verify")[0] == 0


@pytest.mark.parametrize(
    ("name", "outcomes", "count"),
    [("batches", "length,refused,filtered,empty,failed", 5), ("online", "missing", 1)],
)
def test_what_is_let_go_again_is_all_that_is_paid_for(
    opened: Opened, name: str, outcomes: str, count: int
) -> None:
    kept = opened(name)
    paid = kept.known["after"]["settled_nano_usd"]
    code, said = kept.call("retry", "--outcome", outcomes)
    assert (code, said.split()[0]) == (0, str(count))
    code, report = kept.run()
    bill = kept.rig.server.bill
    assert (code, report["requests"], len(bill.rows())) == (0, count, count)
    now = kept.status("after")
    assert now["settled_nano_usd"] == paid + bill.total_nano()
    assert not set(outcomes.split(",")) & set(now["outcomes"])
    assert kept.call("verify")[0] == 0


@pytest.mark.parametrize(
    ("name", "path", "count", "lost"),
    [
        # one whose create call was refused, and one that was in no shard
        ("under-way", BATCHES, 2, False),
        # what was created and not noted is found in the service's list
        ("creating", BATCHES, 1, False),
        # the one request that had not left; the one that had is not asked again
        ("asked", CHAT, 1, True),
    ],
)
def test_what_was_under_way_arrives(
    opened: Opened, name: str, path: str, count: int, lost: bool
) -> None:
    kept = opened(name)
    assert kept.status("before") == kept.known["before"]
    assert kept.call("verify")[0] == 0
    assert kept.run()[0] == 0
    assert same(kept.table(), kept.known["table"], but=NEW | BILL)
    assert same(kept.charges(), kept.known["charges"], but=NEW | BILL)
    # what is settled is the server's bill of today, which counts tokens as OpenAI does
    money = ("reserved_nano_usd", "outcomes")
    now = kept.status("after")
    assert [now[key] for key in money] == [kept.known["after"][key] for key in money]
    assert kept.asked(path) == count
    kept.rig.check(at_rest=not lost)
    assert kept.call("verify")[0] == 0
    asked = kept.asked()
    assert kept.run()[0] == 0
    assert kept.asked() == asked


def test_collecting_fetches_what_was_paid_for_and_sends_nothing(opened: Opened) -> None:
    kept = opened("under-way")
    code, said = kept.call("collect", "--json")
    assert (code, json.loads(said)["outcomes"]) == (3, {"captioned": 2, "pending": 2})
    paid = {row["path"]: row["caption"] for row in kept.table() if "caption" in row}
    known = {row["path"]: row["caption"] for row in kept.known["table"]["rows"]}
    assert paid == {path: known[path] for path in ("a.png", "b.png")}
    assert kept.asked() == 0


@pytest.mark.parametrize("name", ["under-way", "creating", "asked"])
def test_a_ledger_that_is_lost_under_way_comes_back(opened: Opened, name: str) -> None:
    kept = opened(name)
    kept.lose_ledger()
    assert kept.call("rebuild")[0] == 0
    kept.run()
    assert kept.run()[0] == 0
    assert Counter(row["outcome"] for row in kept.table()) == kept.known["after"]["outcomes"]
    assert not kept.rig.server.bill.billed_again()
    if name != "asked":  # of its group the highest cost is booked: nobody knows what was billed
        kept.rig.check()


def test_answers_to_requests_in_files_are_merged(opened: Opened) -> None:
    kept = opened("written")
    assert kept.status("before") == kept.known["before"]
    assert kept.call("verify")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"], kept.asked()) == (3, 0, 0)
    assert kept.call("collect", "--from", str(kept.root / "answers.jsonl"))[0] == 3
    assert same(kept.table(), kept.known["table"], but=NEW)
    assert same(kept.charges(), kept.known["charges"], but=NEW)
    assert kept.status("after") == kept.known["after"]
    assert kept.call("verify")[0] == 0
    assert kept.asked() == 0
    assert kept.call("cancel", "--files")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"]) == (0, 1)
    assert len(kept.rig.server.bill.rows()) == 1


WRONG = ["10-strip.jpg", "11-white.png", "12-white.png", "13-faint.png", "14-corner.gif"]


def flagged(table: Table) -> list[str]:
    """Paths of the rows that are stale."""
    return [row["path"] for row in table if "stale" in row["flags"]]


def test_what_was_prepared_wrongly_is_marked_and_nothing_is_sent_for_it(opened: Opened) -> None:
    kept = opened("stale")
    assert kept.status("before") == kept.known["before"]
    assert kept.call("verify")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"], report["stale_images"]) == (0, 0, len(WRONG))
    assert flagged(kept.table()) == WRONG
    assert same(kept.table(), kept.known["table"], but=["flags"])
    assert same(kept.charges(), kept.known["charges"])
    assert kept.status("after") == kept.known["after"]
    shown = json.loads(kept.call("status", "--json")[1])
    assert (shown["stale_images"], shown["stale_requests"]) == (5, 5)
    assert shown["stale_expected_nano_usd"] > 0
    said = kept.call("status")[1]
    assert "'captionmill retry --outcome stale' lets them go again, 5 requests, about $" in said
    assert "hidden by the background 2" in said
    priced = json.loads(kept.call("estimate", str(kept.root / "images"), "--json")[1])
    assert (priced["requests"], priced["stale_images"], priced["stale_requests"]) == (0, 5, 5)
    assert priced["stale_expected_nano_usd"] > 0
    # what is known is not looked at again
    assert kept.run()[1]["stale_images"] == 5
    assert kept.call("verify")[0] == 0
    assert kept.asked() == 0


def test_what_was_prepared_wrongly_is_sent_once_when_a_person_lets_it_go(opened: Opened) -> None:
    kept = opened("stale")
    kept.run()
    paid = kept.known["after"]["settled_nano_usd"]
    code, said = kept.call("retry", "--outcome", "stale")
    assert (code, said.split()[0]) == (0, "5")
    priced = json.loads(kept.call("estimate", str(kept.root / "images"), "--json")[1])
    assert (priced["requests"], priced["stale_images"]) == (5, 0)
    code, report = kept.run()
    bill = kept.rig.server.bill
    assert (code, report["requests"], len(bill.rows())) == (0, 5, 5)
    assert report["outcomes"] == {"captioned": 7}
    assert not flagged(kept.table())
    assert kept.status("after")["settled_nano_usd"] == paid + bill.total_nano()
    sizes = {row["path"]: (row["sent_width"], row["sent_height"]) for row in kept.table()}
    assert sizes["10-strip.jpg"][0] == 28
    assert len({row["content_id"] for row in kept.table()}) == 7
    assert kept.run()[1]["requests"] == 0
    assert kept.call("verify")[0] == 0
    assert not bill.billed_again()


def test_what_was_prepared_wrongly_is_marked_after_the_ledger_was_lost_too(opened: Opened) -> None:
    kept = opened("stale")
    kept.lose_ledger()
    assert kept.call("rebuild")[0] == 0
    code, report = kept.run()
    assert (code, report["requests"], report["stale_images"]) == (0, 0, len(WRONG))
    assert flagged(kept.table()) == WRONG
    assert kept.call("verify")[0] == 0
    assert kept.asked() == 0


def test_a_new_prompt_is_asked_about_the_pictures_as_people_see_them(opened: Opened) -> None:
    kept = opened("stale")
    code, report = kept.run("--prompt", "Which colours are there?")
    # the two that were one picture are two
    assert (code, report["requests"], report["stale_images"]) == (0, 7, 0)
    assert report["outcomes"] == {"captioned": 7}
    assert not flagged(kept.table())
    # back to the old one: what was paid for is there, and is still of the wrong pictures
    code, report = kept.run()
    assert (report["requests"], report["stale_images"]) == (0, 5)
    assert same(kept.table(), kept.known["table"], but=["flags"])


def test_nothing_kept_names_a_place_of_anyone() -> None:
    """Look into everything, packed or not."""
    paths = [path for path in KEPT.rglob("*") if path.is_file() and path.name != "make.py"]
    for path in paths:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" and data else data
        found = [place for place in (b"/tmp/", b"/home/", b"/root/") if place in data]
        assert not found, f"{path} names {found}"
    assert sum(path.stat().st_size for path in paths) < 600_000
