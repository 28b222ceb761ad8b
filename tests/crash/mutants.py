"""Breakages of the recovery code, applied in the child process. Each must be found.

What breaks is patched by name where it is used, so that a mutant of code that has moved fails.
"""

from __future__ import annotations

import contextlib
import inspect
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace


@dataclass(frozen=True)
class Mutant:
    """A breakage: what it does, and how."""

    text: str
    apply: Callable[[], None]


def _put(module: Any, name: str, value: object) -> Any:
    """Replace an attribute that must exist; gives the old one.

    Raises:
        TypeError: the new function does not take what the old one does: its mutant would die of
            that, and whatever judges it would find it for nothing.
    """
    old = getattr(module, name)
    if inspect.isfunction(old) and inspect.isfunction(value):
        needed, taken = inspect.getfullargspec(old), inspect.getfullargspec(value)
        fewer = len(taken.args) < len(needed.args) and taken.varargs is None
        lacking = set(needed.kwonlyargs) - set(taken.kwonlyargs)
        if fewer or (lacking and taken.varkw is None):
            raise TypeError(f"{name} takes {inspect.signature(old)}")
    setattr(module, name, value)
    return old


def _create_then_save() -> None:
    from pipeline.ledger.batch_metadata import metadata_of
    from pipeline.stages import submit

    def create(context: Any, shard: Any) -> bool:
        metadata = metadata_of(context.ledger.workspace_id(), shard)
        remote = context.service.create(input_file_id=shard.file_id, metadata=metadata)
        submit.reached("submit.after_create")
        shard = context.ledger.shards.move(shard, "CREATING")
        context.ledger.batches.add(shard.row, shard.generation, remote, "main")
        context.ledger.shards.move(shard, "SUBMITTED")
        return True

    _put(submit, "_create", create)


def _impatient(**changes: int) -> Callable[[], None]:
    def apply() -> None:
        from pipeline.session import settings

        real = settings._patience
        _put(settings, "_patience", lambda config: replace(real(config), **changes))

    return apply


def _release_on_doubt() -> None:
    from pipeline.errors import Ambiguous, DefiniteRefusal
    from pipeline.stages import submit

    real = submit._create

    def create(context: Any, shard: Any) -> bool:
        try:
            done = real(context, shard)
        except (Ambiguous, DefiniteRefusal):
            raise
        if not done:
            stuck = context.ledger.shards.get(shard.row)
            context.ledger.reservations.release(stuck.row, stuck.generation, context.clock.now())
            context.ledger.shards.move(stuck, "SEALED", generation=stuck.generation + 1)
        return bool(done)

    _put(submit, "_create", create)


def _synchronous_normal() -> None:
    from pipeline.ledger import database

    real = database.Database.__init__

    def init(self: Any, *path: Any, **options: Any) -> None:
        real(self, *path, **options)
        self._connection.execute("PRAGMA synchronous = NORMAL")

    _put(database.Database, "__init__", init)


def _no_fsync() -> None:
    import os

    _put(os, "fsync", lambda _descriptor: None)


def _splitlines() -> None:
    from pipeline.core.answer_lines import LinePage
    from pipeline.stages import raw_files

    def pages(stream: Any) -> Iterator[LinePage]:
        lines = stream.read().decode("utf-8", "replace").splitlines()
        yield LinePage(0, [line.encode() for line in lines])

    _put(raw_files, "line_pages", pages)


def _ignore_error_file() -> None:
    from pipeline.stages import results

    real = results.read_answers

    def read(ledger: Any, shard: Any, batch: Any, paths: Any, *more: Any) -> Any:
        outputs = [path for path in paths if ".error." not in path.name]
        return real(ledger, shard, batch, outputs, *more)

    _put(results, "read_answers", read)


def _no_adoption() -> None:
    from pipeline.stages import reconcile

    _put(reconcile, "unrecorded_batches", lambda *_: [])


def _retry_on_create() -> None:
    from pipeline.providers import openai_batch

    real = openai_batch.OpenAIBatches.__init__

    def init(self: Any, options: Any) -> None:
        real(self, options)
        self._once = self._once.with_options(max_retries=2)

    _put(openai_batch.OpenAIBatches, "__init__", init)


def _settle_in_two() -> None:
    from pipeline.ledger import answers
    from pipeline.ledger.settled import PricedAnswer
    from pipeline.system.failpoints import reached

    real = answers.Answers.settle

    def billed(lines: Any) -> int:
        """Nano-dollars of one answer, or of a page of ordinary ones."""
        if isinstance(lines, PricedAnswer):
            return lines.billed or 0
        return sum(cost or 0 for cost in lines.costs)

    def settle(
        self: Any, shard: Any, batch: Any, found: Any, rules: Any, now: int, *more: Any
    ) -> Any:
        kept = list(found)
        money = sum(map(billed, kept))
        database = self._db
        database._connection.execute("ROLLBACK")
        self._reservations.settle(shard.row, batch.booked_as, money, now)
        database.execute("UPDATE batches SET state = 'settled' WHERE id = ?", (batch.row,))
        reached("mutant.between")
        database._connection.execute("BEGIN IMMEDIATE")
        database.execute(
            "UPDATE reservations SET state = 'open', settled = NULL WHERE shard = ? "
            "AND generation = ?",
            (shard.row, batch.booked_as),
        )
        return real(self, shard, batch, kept, rules, now, *more)

    _put(answers.Answers, "settle", settle)


def _reserve_after_create() -> None:
    from pipeline.stages import submit

    real = submit._create

    def create(context: Any, shard: Any) -> bool:
        done = real(context, shard)
        context.ledger.reservations.record_unasked(
            shard.row, shard.generation, shard.max_cost, context.scope()
        )
        return bool(done)

    _put(submit, "_reserve", lambda context, shard: context.ledger.shards.move(shard, "UPLOADING"))
    _put(submit, "_create", create)


def _missing_goes_again() -> None:
    from pipeline.core.retry import RetryRule
    from pipeline.session import settings

    real = settings._retry_rules
    rule = RetryRule(attempts=3)
    _put(settings, "_retry_rules", lambda config: {**real(config), "missing": rule})


def _no_attempt_in_the_id() -> None:
    from pipeline.stages import write

    real = write.custom_id
    _put(write, "custom_id", lambda key, _attempt: real(key, 1))


def _copies_are_strangers() -> None:
    from pipeline.stages import preprocess

    real = preprocess.work_key
    _put(
        preprocess,
        "work_key",
        lambda content, spec, prompt: real(content, spec, prompt + secrets.token_hex(4)),
    )


def _no_lock() -> None:
    from pipeline.system.workspace import Workspace

    _put(Workspace, "lock", lambda _self, *, reading=False: contextlib.nullcontext(reading))


def _send_while_blind() -> None:
    from pipeline.ledger.adoption import Adoption

    _put(Adoption, "opaque_shards", lambda _self: [])


def _overtaken_is_sent() -> None:
    from pipeline.ledger.adoption import Adoption

    _put(Adoption, "overtaken", lambda _self, _shard: False)


def _wall_clock() -> None:
    from pipeline.stages import reconcile

    _put(reconcile, "elapsed", lambda since, now: max(0, now.wall - since.wall))


def _table_in_place() -> None:
    from pipeline.system import files

    @contextlib.contextmanager
    def whole_file(path: Any, **_options: Any) -> Iterator[Any]:
        with path.open("wb") as handle:
            files.reached("mutant.opened")
            yield handle

    from pipeline.sinks import parquet

    _put(parquet, "whole_file", whole_file)


MUTANTS: dict[str, Mutant] = {
    "create then save": Mutant("the batch id is saved after the create call", _create_then_save),
    "no grace": Mutant("an absence counts at once", _impatient(grace=0, listings_apart=0)),
    "one listing": Mutant("one listing proves an absence", _impatient(listings_apart=0)),
    "release on doubt": Mutant("a lost answer frees money and shard", _release_on_doubt),
    "synchronous normal": Mutant("the ledger's commits are not synced", _synchronous_normal),
    "no fsync": Mutant("files are renamed unsynced", _no_fsync),
    "splitlines": Mutant("answers are split at U+2028 and the like", _splitlines),
    "no error file": Mutant("the error file is ignored", _ignore_error_file),
    "no adoption": Mutant("unknown batches of ours are not adopted", _no_adoption),
    "retry on create": Mutant("the SDK repeats the create call", _retry_on_create),
    "settle in two": Mutant("money and answers in two transactions", _settle_in_two),
    "reserve after create": Mutant(
        "money is reserved after the create call", _reserve_after_create
    ),
    "missing goes again": Mutant("a missing line is bought again", _missing_goes_again),
    "no attempt in the id": Mutant("all attempts share a custom_id", _no_attempt_in_the_id),
    "copies are strangers": Mutant("equal images are paid for one by one", _copies_are_strangers),
    "no lock": Mutant("two runs may work at once", _no_lock),
    "send while blind": Mutant("unknown contents stop nothing", _send_while_blind),
    "overtaken is sent": Mutant("a shard is sent whose images are under way", _overtaken_is_sent),
    "wall clock": Mutant("waiting is measured by the wall clock", _wall_clock),
    "table in place": Mutant("the table is written over itself", _table_in_place),
}
