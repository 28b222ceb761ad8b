from __future__ import annotations

from pipeline.server.clock import ServerClock
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import (
    BatchFault,
    Compat,
    FaultPlan,
    LineFault,
    ListFaults,
    RequestFault,
)

_POST = ("POST", "/v1/batches")


def _desk(*rules: RequestFault, clock: ServerClock | None = None, seed: int = 0) -> FaultInjector:
    return FaultInjector(FaultPlan(request=rules, seed=seed), clock or ServerClock())


def _pattern(desk: FaultInjector, count: int) -> str:
    return "".join("x" if desk.for_request(*_POST) else "." for _ in range(count))


def test_numbers_count_matching_requests_only() -> None:
    desk = _desk(RequestFault(action="delay", method="POST", path="/v1/batches", nth=(1, 3)))
    assert desk.for_request("GET", "/v1/batches") is None
    assert desk.for_request("POST", "/v1/files") is None
    assert _pattern(desk, 4) == "x.x."


def test_paths_are_patterns() -> None:
    desk = _desk(RequestFault(action="delay", path="/v1/files/*/content"))
    assert desk.for_request("GET", "/v1/files/file-1/content")
    assert desk.for_request("GET", "/v1/files/file-1") is None


def test_times_limits() -> None:
    rule = RequestFault(action="delay", times=2)
    desk = _desk(rule)
    assert _pattern(desk, 4) == "xx.."
    assert desk.applied(rule) == 2


def test_the_first_rule_that_strikes_wins() -> None:
    once = RequestFault(action="drop_before", times=1)
    always = RequestFault(action="delay")
    desk = _desk(once, always)
    assert [desk.for_request(*_POST), desk.for_request(*_POST)] == [once, always]


def test_windows_follow_the_server_clock() -> None:
    clock = ServerClock()
    desk = _desk(RequestFault(action="delay", from_second=10, until_second=20), clock=clock)
    seen = [_pattern(desk, 1)]
    for _ in range(2):
        clock.advance(15)
        seen.append(_pattern(desk, 1))
    assert seen == [".", "x", "."]


def test_probability_is_decided_by_the_seed() -> None:
    rule = RequestFault(action="delay", probability=0.3)
    one, same, other = _desk(rule, seed=1), _desk(rule, seed=1), _desk(rule, seed=2)
    patterns = [_pattern(desk, 400) for desk in (one, same, other)]
    assert patterns[0] == patterns[1] != patterns[2]
    assert 80 < patterns[0].count("x") < 160
    assert _pattern(_desk(RequestFault(action="delay", probability=0)), 50) == "." * 50


def test_rules_come_and_go() -> None:
    desk = _desk()
    rule = RequestFault(action="delay")
    desk.add(rule)
    assert desk.for_request(*_POST) == rule
    desk.remove(RequestFault(action="delay"))
    assert desk.for_request(*_POST) is None
    assert desk.applied(rule) == 0


def test_clear_forgets_everything() -> None:
    desk = FaultInjector(
        FaultPlan(
            batch=(BatchFault(fail="x"),),
            listing=ListFaults(shuffled=True),
            compat=Compat(uuid_ids=True),
        ),
        ServerClock(),
    )
    assert desk.for_batch() == BatchFault(fail="x")
    desk.clear()
    assert desk.for_batch() is None
    assert (desk.listing, desk.compat) == (ListFaults(), Compat())


def test_a_line_has_the_same_fate_in_any_order() -> None:
    rule = LineFault(outcome="refusal", probability=0.5)
    fates = []
    for order in (range(100), reversed(range(100))):
        desk = FaultInjector(FaultPlan(line=(rule,)), ServerClock())
        hit = {n for n in order if desk.for_line("batch_1", f"c{n}", None)}
        fates.append(hit)
    assert fates[0] == fates[1]
    assert 25 < len(fates[0]) < 75


def test_lines_are_chosen_by_custom_id_and_image() -> None:
    by_id = LineFault(outcome="refusal", custom_id="c7*")
    by_image = LineFault(outcome="empty", image="0a0b")
    desk = FaultInjector(FaultPlan(line=(by_id, by_image)), ServerClock())
    assert desk.for_line("b", "c71", None) == by_id
    assert desk.for_line("b", "c1", b"\x0a\x0b\x0c") == by_image
    assert desk.for_line("b", "c1", b"\x0a\x00") is None
