from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.system.signals import Stopper

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# works until asked to stop, then takes as long as it is told to
CHILD = """
import sys, time
from pipeline.system.signals import Stopper
stopper = Stopper()
with stopper.listening():
    print("ready", flush=True)
    while not stopper.stopping():
        stopper.sleep(30)
    print("leaving", flush=True)
    time.sleep(float(sys.argv[1]))
print("clean", flush=True)
"""


def child(lingers: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(lingers)]
    started = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert line(started) == "ready"
    return started


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stdout is not None
    with process.stdout as output:
        return process.wait(timeout=60), output.read().strip()


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_ends_the_sleep_and_says_so(number: int) -> None:
    process = child(0)
    process.send_signal(number)
    assert "once more stops at once" in line(process)
    assert ended(process) == (0, "leaving\nclean")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_signal_ends_at_once(number: int) -> None:
    process = child(60)
    process.send_signal(number)
    line(process)
    assert line(process) == "leaving"
    process.send_signal(number)
    assert ended(process) == (130, "")


def test_different_signals_count_together() -> None:
    process = child(60)
    process.send_signal(signal.SIGINT)
    line(process)
    assert line(process) == "leaving"
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 130


def test_handlers_are_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    stopper = Stopper()
    with stopper.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopper.stopping()
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert "stopping after this step" in capfd.readouterr().err


def test_a_thread_leaves_the_handlers_alone() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    seen: list[object] = []

    def work() -> None:
        with Stopper().listening():
            seen.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == before


def test_a_sleep_ends_when_somebody_asks() -> None:
    stopper = Stopper()
    stopper.sleep(0.001)
    assert not stopper.stopping()
    threading.Timer(0.05, stopper.ask).start()
    began = time.monotonic()
    stopper.sleep(60)
    assert stopper.stopping()
    assert time.monotonic() - began < 50
    stopper.sleep(60)  # and later ones do not begin
