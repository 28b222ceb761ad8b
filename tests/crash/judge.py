"""The invariants, judged by the server's own bill."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipeline.commands.verify import verify
from pipeline.config import load_config
from tests.crash.child import KEY, copy_ledger
from tests.crash.pictures import GPS_MARK

if TYPE_CHECKING:
    from tests.crash.rig import World

_HELD = (
    "SELECT COALESCE(SUM(CASE state WHEN 'open' THEN reserved WHEN 'settled' "
    "THEN COALESCE(settled, reserved) ELSE 0 END), 0) FROM reservations"
)
_OPEN = "SELECT COALESCE(SUM(reserved), 0) FROM reservations WHERE state = 'open'"
_LOST = "SELECT detail FROM incidents WHERE kind = 'no_answer'"
_SETTLED = "SELECT COALESCE(SUM(settled), 0) FROM reservations WHERE state = 'settled'"
_CHARGED = "SELECT COALESCE(SUM(billed), 0) FROM answers"


class Judge:
    """Looks whenever it may, and keeps what it finds wrong.

    Attributes:
        found: violations, as sentences.
        may_pay_twice: (image, prompt, model) may be billed so often; 1 unless a case is about
            deliberate retries.
        may_pass_cap: adopting what a lost ledger has bought may pass the cap.
        rows_may_shrink: an older ledger was restored.
        prompt_changed: what an earlier prompt cost is on the bill, not in the table.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.found: list[str] = []
        self.may_pay_twice = False
        self.may_pass_cap = False
        self.ledger_is_whole = True
        self.rows_may_shrink = False
        self.prompt_changed = False
        self._rows = 0

    def fault(self, text: str) -> None:
        """Note a violation, once."""
        if text not in self.found:
            self.found.append(text)

    # -- at every instant ----------------------------------------------------------------------

    def look(self) -> None:
        """What must hold at every instant."""
        books = self._world.server.bill
        if not self.may_pay_twice and (twice := books.billed_again()):
            self.fault(f"billed again: {sorted(twice.values())}")
        self._check_money(books.total_nano())
        self._check_table()

    def _check_money(self, bill: int) -> None:
        if not self.ledger_is_whole:
            return
        with self._ledger() as ledger:
            if ledger is None:
                if bill:
                    self.fault(f"billed {bill} and no ledger")
                return
            exposure = ledger.execute(_HELD).fetchone()[0]
        cap = self._world.cap
        if bill > exposure:
            self.fault(f"bill {bill} > exposure {exposure}")
        if cap is not None and exposure > cap and not self.may_pass_cap:
            self.fault(f"exposure {exposure} > cap {cap}")

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[sqlite3.Connection | None]:
        path = self._world.workspace / "ledger.db"
        connection = None
        try:
            if path.exists():
                connection = self._opened(path)
            yield connection
        finally:
            if connection is not None:
                connection.close()

    def _opened(self, path: Path) -> sqlite3.Connection | None:
        """The ledger, read-only, or a copy of it where a full disk has no room for a look."""
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            made = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.OperationalError:
            connection.close()
            folder = self._world.root / "look"
            copy_ledger(path.parent, folder)
            connection = sqlite3.connect(folder / path.name)
            made = connection.execute("PRAGMA user_version").fetchone()[0]
        if made:
            return connection
        connection.close()
        return None

    def _check_table(self) -> None:
        path = self._world.workspace / "captions.parquet"
        if not path.exists():
            if self._rows:
                self.fault("the table has vanished")
            return
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                rows = file.read(["path"]).num_rows
        except Exception as error:  # noqa: BLE001 any error is the finding
            self.fault(f"the table cannot be read: {error}")
            return
        if rows < self._rows and not self.rows_may_shrink:
            self.fault(f"the table shrank from {self._rows} to {rows} rows")
        self._rows = rows

    # -- at rest -------------------------------------------------------------------------------

    def rest(
        self, outcomes: Counter[str] | None = None, *, lost: int = 0, dearer: bool = False
    ) -> None:
        """What must hold once nothing is left to do; `outcomes` are those to expect by default
        every image captioned or a duplicate.

        Args:
            lost: so many online requests may have left and got no answer: each is said, counts at
                its highest cost and is not asked again.
            dearer: an answer that does not tell its cost counts at its highest.
        """
        self.look()
        bill = self._world.server.bill.total_nano()
        with self._ledger() as ledger:
            if ledger is None:
                self.fault("no ledger at rest")
                return
            settled = ledger.execute(_SETTLED).fetchone()[0]
            charged = ledger.execute(_CHARGED).fetchone()[0]
            held = ledger.execute(_HELD).fetchone()[0]
            open_money = ledger.execute(_OPEN).fetchone()[0]
            said = sum(int(text.split()[0]) for (text,) in ledger.execute(_LOST))
        missing = self._outcomes()["missing"] if lost else 0
        exactly = not (missing or dearer)
        if missing and outcomes is None:
            outcomes = self._outcomes()
            if set(outcomes) - {"captioned", "duplicate", "missing"}:
                self.fault(f"outcomes {dict(outcomes)}")
        if missing > min(lost, said):
            self.fault(f"{missing} requests lost, {said} of them said, {lost} were in flight")
        # a request that may have been billed is booked at its highest cost
        if not (bill == settled == charged == held if exactly else bill <= held):
            self.fault(f"books at rest: bill {bill}, settled {settled}, charged {charged}")
        if open_money:
            self.fault(f"still reserved at rest: {open_money}")
        self._check_rows(outcomes)
        self._check_costs(bill if exactly else held, exactly=exactly)
        self._check_secrets()
        self._check_quiet()
        self._check_verified()

    def _outcomes(self) -> Counter[str]:
        return Counter(row["outcome"] for row in self.table())

    def table(self) -> list[dict[str, Any]]:
        """The rows of the Parquet."""
        path = self._world.workspace / "captions.parquet"
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return list(file.read().to_pylist())

    def _check_rows(self, outcomes: Counter[str] | None) -> None:
        rows = self.table()
        present = [row for row in rows if row["in_source"]]
        files = {
            str(path.relative_to(self._world.data))
            for path in self._world.data.rglob("*")
            if path.is_file()
        }
        if Counter(row["path"] for row in present) != Counter(files):
            self.fault(f"{len(present)} rows for {len(files)} images")
        # a file that went away before it was sent is pending for good
        gone = [row for row in rows if row["outcome"] == "pending" and not row["in_source"]]
        found = Counter(row["outcome"] for row in rows if row not in gone)
        if outcomes is None:
            if set(found) - {"captioned", "duplicate"}:
                self.fault(f"outcomes {dict(found)}")
        elif found != outcomes:
            self.fault(f"outcomes {dict(found)} instead of {dict(outcomes)}")
        for row in rows:
            if row["outcome"] in ("captioned", "duplicate"):
                self._check_caption(row)

    def _check_costs(self, bill: int, *, exactly: bool) -> None:
        charged = sum(int((row["billed_cost"] or 0) * 10**9) for row in self.table())
        if charged > bill or (charged < bill and exactly and not self.prompt_changed):
            self.fault(f"the table's costs are {charged}, the bill {bill}")

    def _check_caption(self, row: dict[str, Any]) -> None:
        expected = self._world.expected(row["content_id"], row["sent_width"], row["sent_height"])
        if row["caption"] != expected:
            self.fault(f"caption {row['caption'][:80]!r} instead of {expected[:80]!r}")

    def _check_quiet(self) -> None:
        """A further run has nothing to send."""
        self._world.server.faults.clear()  # what has not struck by now is not for this run
        before = len(self._world.server.bill.requests("POST"))
        code = self._world.run()
        after = self._world.server.bill.requests("POST")
        if code != 0 or len(after) != before:
            self.fault(f"a further run: exit {code}, POSTs {[s.path for s in after[before:]]}")

    def _check_verified(self) -> None:
        """What the product finds wrong itself."""
        overrides = {"workspace": str(self._world.workspace), "provider.name": "openai"}
        for finding in verify(load_config(None, overrides)).findings:
            self.fault(f"verify: {finding}")

    def _check_secrets(self) -> None:
        for path in self._world.workspace.rglob("*"):
            if path.is_file():
                data = _plain(path)
                for secret in (KEY.encode(), GPS_MARK):
                    if secret in data:
                        self.fault(f"{secret.decode()[:4]}... is in {path.name}")
        if KEY in self._world.said:
            self.fault("the key was printed")


def _plain(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" and data else data
