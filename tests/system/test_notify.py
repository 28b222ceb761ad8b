from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.system.notify import Notice, is_problem, tell

DONE: dict[str, object] = {"exit_code": 0, "problems": [], "incidents": []}
FAILED: dict[str, object] = {"exit_code": 5, "problems": ["no credits"], "incidents": []}


def python(code: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *map(str, arguments))


class Hook:
    """An address that keeps what is posted to it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status = 200
        self.location = ""
        self.hang = threading.Event()
        self.hangs = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                assert self.headers["Content-Type"] == "application/json"
                outer.bodies.append(self.rfile.read(length))
                if outer.hangs:
                    outer.hang.wait(20)
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/T0/very-secret?sig=also"

    def close(self) -> None:
        self.hang.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    opened = Hook()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("summary", "problem"),
    [
        (DONE, False),
        ({**DONE, "exit_code": 3}, False),
        ({**DONE, "exit_code": 4}, True),
        ({**DONE, "exit_code": 70}, True),
        ({**DONE, "problems": ["a batch was refused"]}, True),
        ({**DONE, "incidents": [[0, "adopted", "a batch"]]}, True),
    ],
)
def test_what_is_a_problem(summary: dict[str, object], problem: bool) -> None:
    assert is_problem(summary) is problem


def test_a_program_gets_the_summary_and_the_exit_code(tmp_path: Path) -> None:
    code = (
        "import os, sys; "
        "open(sys.argv[1], 'w').write(os.environ['CAPTIONMILL_EXIT_CODE'] + sys.stdin.read())"
    )
    assert tell(Notice(python(code, tmp_path / "out")), FAILED) == []
    assert (tmp_path / "out").read_text() == "5" + json.dumps(FAILED)


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    argument = f"$(touch {tmp_path}/a); touch {tmp_path}/b"
    assert tell(Notice((*python("pass"), argument)), FAILED) == []
    assert list(tmp_path.iterdir()) == []


def test_problem_is_silent_when_all_is_well(tmp_path: Path, hook: Hook) -> None:
    command = python("import sys; open(sys.argv[1], 'a').write('told ')", tmp_path / "out")
    for when in ("problem", "always"):
        for summary in (DONE, FAILED):
            assert tell(Notice(command, hook.url, when), summary) == []  # type: ignore[arg-type]
    assert (tmp_path / "out").read_text() == "told " * 3
    assert [json.loads(body) for body in hook.bodies] == [FAILED, DONE, FAILED]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            python("import sys; print('a', flush=True); sys.exit('no route')"),
            "exit code 1: no route",
        ),
        (python("import os; os.kill(os.getpid(), 9)"), "exit code -9"),
        (("/none/such",), "could not run: .*No such file"),
        (("a\0b",), "could not run"),
        (python("import sys, time; sys.stdin.close(); sys.exit(0)"), None),
    ],
)
def test_a_programs_failure_is_a_sentence(command: tuple[str, ...], said: str | None) -> None:
    problems = tell(Notice(command, timeout=60), {**FAILED, "problems": ["x" * 200_000]})
    if said is None:
        assert problems == []
    else:
        (text,) = problems
        assert re.search(said, text)
        assert "\n" not in text


def test_a_program_that_does_not_end_is_ended() -> None:
    (text,) = tell(Notice(python("import time; time.sleep(3600)"), timeout=1), FAILED)
    assert "was ended after 1 s" in text


@pytest.mark.parametrize("status", [400, 404, 500, 302, 307])
def test_an_address_that_refuses_is_named_by_its_host_alone(hook: Hook, status: int) -> None:
    hook.status = status
    hook.location = hook.url if status in (302, 307) else ""
    (text,) = tell(Notice(url=hook.url), FAILED)
    assert text == f"[notify] url: 127.0.0.1 was not told (it answered {status})"
    assert len(hook.bodies) == 1


def test_an_address_that_does_not_answer(hook: Hook) -> None:
    hook.hangs = True
    (text,) = tell(Notice(url=hook.url, timeout=1), FAILED)
    assert "127.0.0.1 was not told" in text
    (text,) = tell(Notice(url="http://127.0.0.1:1/very-secret", timeout=1), FAILED)
    assert "very-secret" not in text


def test_both_are_told_although_one_fails(hook: Hook) -> None:
    assert len(tell(Notice(("/none/such",), hook.url), FAILED)) == 1
    assert len(hook.bodies) == 1


def test_the_address_is_not_shown() -> None:
    assert "very-secret" not in repr(Notice(url="https://example.com/very-secret"))
