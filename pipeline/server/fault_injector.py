"""Fault injection: the rule of a fault plan, if any, that holds for an event."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.server.clock import ServerClock
from pipeline.server.fault_rules import BatchFault, LineFault, RequestFault, Rule
from pipeline.server.faults import Compat, FaultPlan, ListFaults

AnyRule = RequestFault | BatchFault | LineFault


@dataclass(slots=True)
class _CountedRule:
    """Rule and how many events it `matched` and was `applied` to."""

    rule: AnyRule
    number: int
    since: float
    matched: int = 0
    applied: int = 0


class FaultInjector:
    """Chooses a rule for each event; thread-safe, changeable while the server runs.

    Counters live in memory: a restarted server counts from 1.
    """

    def __init__(self, plan: FaultPlan, clock: ServerClock) -> None:
        self.listing: ListFaults = plan.listing
        self.compat: Compat = plan.compat
        self._seed = plan.seed
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: list[_CountedRule] = []
        self._added = 0
        rules: tuple[AnyRule, ...] = (*plan.request, *plan.batch, *plan.line)
        for rule in rules:
            self.add(rule)

    def add(self, rule: AnyRule) -> None:
        """From now on `rule` holds too, after the rules that are there."""
        with self._lock:
            self._added += 1
            self._rules.append(_CountedRule(rule, self._added, self._clock.now()))

    def remove(self, rule: AnyRule) -> None:
        """Forget `rule` (each that equals it)."""
        with self._lock:
            self._rules = [live for live in self._rules if live.rule != rule]

    def clear(self) -> None:
        """Forget all rules, listing and compat spellings: the server behaves from now on."""
        with self._lock:
            self._rules.clear()
            self.listing, self.compat = ListFaults(), Compat()

    def applied(self, rule: AnyRule) -> int:
        """Times `rule` was applied."""
        with self._lock:
            return sum(live.applied for live in self._rules if live.rule == rule)

    def for_request(self, method: str, path: str) -> RequestFault | None:
        """Rule for an HTTP request that has just come in."""
        with self._lock:
            for live in self._rules:
                rule = live.rule
                if (
                    isinstance(rule, RequestFault)
                    and fnmatchcase(method, rule.method)
                    and fnmatchcase(path, rule.path)
                    and self._applies(live, None)
                ):
                    return rule
        return None

    def for_batch(self) -> BatchFault | None:
        """Rule for a batch that is being created."""
        with self._lock:
            for live in self._rules:
                if isinstance(live.rule, BatchFault) and self._applies(live, None):
                    return live.rule
        return None

    def for_line(self, place: str, custom_id: str, image: bytes | None) -> LineFault | None:
        """Rule for one answer; `place` is the batch's id, or names an online request.

        By probability a line's fate hangs on the seed, the place and the custom_id only, so it
        is the same in whatever order lines run.
        """
        digest = image.hex() if image is not None else ""
        with self._lock:
            for live in self._rules:
                rule = live.rule
                if (
                    isinstance(rule, LineFault)
                    and fnmatchcase(custom_id, rule.custom_id)
                    and digest.startswith(rule.image)
                    and self._applies(live, f"{place}\n{custom_id}")
                ):
                    return rule
        return None

    def _applies(self, live: _CountedRule, event: str | None) -> bool:
        live.matched += 1
        rule: Rule = live.rule
        age = self._clock.now() - live.since
        if age < rule.from_second or (rule.until_second is not None and age > rule.until_second):
            return False
        if rule.numbers and live.matched not in rule.numbers:
            return False
        if rule.times is not None and live.applied >= rule.times:
            return False
        if not self._drawn(live, str(live.matched) if event is None else event):
            return False
        live.applied += 1
        return True

    def _drawn(self, live: _CountedRule, event: str) -> bool:
        if live.rule.probability >= 1:
            return True
        text = f"{self._seed}\n{live.number}\n{event}".encode("utf-8", "surrogatepass")
        draw = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) / 2**64
        return draw < live.rule.probability
