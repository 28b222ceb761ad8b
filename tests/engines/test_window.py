"""Jobs in, answers out, in order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.window import Task, Window
from pipeline.records import KnownImage
from tests.engines.troubles import prepared


def answer(task: Task) -> KnownImage:
    """An answer that tells its task."""
    return KnownImage(task.order.to_bytes(32, "big"))


@given(
    count=st.integers(0, 60),
    length=st.integers(1, 10),
    seed=st.integers(0, 1000),
)
def test_in_order_and_bounded_whatever_happens(count: int, length: int, seed: int) -> None:
    chance = random.Random(seed)
    taken: list[int] = []
    popped: list[tuple[int, object]] = []

    def jobs():  # type: ignore[no-untyped-def]
        for number in range(count):
            taken.append(number)
            yield number * 7, f"p{number}"

    window = Window(jobs(), length)
    at_work: list[Task] = []
    while not window.done():
        at_work += window.take(chance.randint(1, 4))
        if at_work and chance.random() < 0.3:
            window.give_back(at_work)
            at_work = []
        chance.shuffle(at_work)
        for _ in range(chance.randint(0, len(at_work))):
            task = at_work.pop()
            window.put(task, answer(task))
        while (one := window.pop()) is not None:
            popped.append(one)
        assert len(taken) - len(popped) <= length
    assert [number for number, _ in popped] == [number * 7 for number in range(count)]
    assert [found for _, found in popped] == [answer(Task(n, 0, b"")) for n in range(count)]


def test_tasks_given_back_come_first_and_in_order() -> None:
    window = Window([(n, str(n)) for n in range(6)], 6)
    tasks = window.take(4)
    window.give_back([tasks[2], tasks[1]])
    window.give_back([tasks[0]])
    assert [task.order for task in window.take(9)] == [0, 1, 2, 4, 5]


def test_many_bytes_that_wait_hold_back_new_jobs() -> None:
    window = Window(((n, "x") for n in range(1000)), 1000)
    first, *others = window.take(20)
    for task in others:
        window.put(task, prepared("x", 4 << 20))
    assert window.take(1) == []
    window.put(first, prepared("x", 1))
    while window.pop():
        pass
    assert len(window.take(1)) == 1
    assert not window.done()


def test_no_more_is_taken_than_there_is_room_for() -> None:
    window = Window(((n, "x" * 100) for n in range(10)), 10)
    first = window.take(10, 350)
    assert [task.order for task in first] == [0, 1, 2]
    assert sum(task.size for task in first) <= 350
    assert window.take(10, 0) == []
    assert [task.order for task in window.take(10)] == [3, 4, 5, 6, 7, 8, 9]


def test_a_path_counts_as_the_bytes_that_it_is() -> None:
    window = Window([(0, "\u20ac\udcff"), (1, "")], 2)
    wide, empty = window.take(2)
    assert wide.path == b"\xe2\x82\xac\xff"
    assert wide.size - empty.size == 4
