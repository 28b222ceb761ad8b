"""Notices that a run has ended, to a program, an address, or both.

What goes wrong here is a sentence. The run is over, and its exit code stands.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit

EXIT_CODE = "CAPTIONMILL_EXIT_CODE"


@dataclass(frozen=True, slots=True)
class Notice:
    """Recipients of a run's summary.

    Attributes:
        command: program and arguments, never given to a shell.
        url: gets a POST of the summary.
        when: "problem" is silent about runs that leave nothing for a person to read.
        timeout: seconds for either.
        failed_share: part of the due images without a caption that is a problem.
    """

    command: tuple[str, ...] = ()
    url: str | None = field(default=None, repr=False)
    when: Literal["always", "problem"] = "problem"
    timeout: int = 30
    failed_share: Decimal = Decimal("0.5")


def tell(notice: Notice, summary: Mapping[str, object]) -> list[str]:
    """Send a run's summary (`Report.as_dict`) and give what went wrong as sentences."""
    if notice.when == "problem" and not is_problem(summary, notice.failed_share):
        return []
    body = json.dumps(summary).encode()
    problems = []
    if notice.command:
        problems.append(_run(notice, body, summary))
    if notice.url:
        problems.append(_post(notice.url, notice.timeout, body))
    return [text for text in problems if text]


def is_problem(summary: Mapping[str, object], failed_share: Decimal = Decimal("0.5")) -> bool:
    """Tell whether a person must read it: unless the run is done, or waits for the service, with
    nothing to say and most of what was due captioned."""
    incidents = summary.get("problems") or summary.get("incidents")
    due, failed = summary.get("due"), summary.get("due_failed")
    many = isinstance(due, int) and isinstance(failed, int) and failed >= failed_share * due > 0
    return summary.get("exit_code") not in (0, 3) or bool(incidents) or many


def _run(notice: Notice, body: bytes, summary: Mapping[str, object]) -> str:
    """Run the program with the summary on its standard input."""
    name = notice.command[0]
    environment = {**os.environ, EXIT_CODE: str(summary.get("exit_code"))}
    try:
        # a session of its own, so that a program that hangs is ended with its children
        with subprocess.Popen(
            notice.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        ) as child:
            try:
                output, _ = child.communicate(body, notice.timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                return f"[notify] command {name} was ended after {notice.timeout} s"
    except (OSError, ValueError) as error:
        return f"[notify] command {name} could not run: {error}"
    if child.returncode == 0:
        return ""
    words = output.decode("utf-8", "replace").strip().splitlines()
    last_line = f": {words[-1][:200]}" if words else ""
    return f"[notify] command {name} failed with exit code {child.returncode}{last_line}"


def _post(url: str, timeout: int, body: bytes) -> str:
    """Post the summary. The address may hold a token: only its host is ever named."""
    from http.client import HTTPException
    from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

    class _NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    host = urlsplit(url).hostname or ""
    request = Request(url, body, {"Content-Type": "application/json", "User-Agent": "captionmill"})
    proxies = [ProxyHandler({})] if _loopback(host) else []
    try:
        with build_opener(_NoRedirects, *proxies).open(request, timeout=timeout) as answer:
            answer.read(1)
    except (OSError, HTTPException, ValueError) as error:
        status = getattr(error, "code", None)
        words = f"it answered {status}" if status else type(error).__name__
        return f"[notify] url: {host} was not told ({words})"
    return ""


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
