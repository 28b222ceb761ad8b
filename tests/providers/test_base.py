from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import DefiniteRefusal, NeedsPerson, UsageError
from pipeline.providers.base import AccountRefusal, BatchOptions, Timeouts
from pipeline.secrets import Secret

KEY = Secret("sk-test-0123456789")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://[::1]:8080/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://192.168.0.7/v1", False),
        ("https://localhost.example.com/v1", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert BatchOptions(KEY, url).loopback is loopback


@pytest.mark.parametrize(
    "url",
    ["api.openai.com/v1", "ftp://host/v1", "https://", "https://me:pw@host/v1", "https://h/v1?a=b"],
)
def test_an_address_that_cannot_work(url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        BatchOptions(KEY, url)


@pytest.mark.parametrize("headers", [{"X-A": "two\r\nlines"}, {"X-A": "Ä"}, {"X\n": "a"}])
def test_a_header_that_cannot_be_sent(headers: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="extra header"):
        BatchOptions(KEY, extra_headers=headers)


def test_options_show_no_secret() -> None:
    options = BatchOptions(KEY, extra_headers={"api-key": "another-secret"})
    assert "0123456789" not in repr(options)
    assert "another-secret" not in repr(options)
    assert options.secrets() == ("sk-test-0123456789", "another-secret")


@pytest.mark.parametrize("field", ["connect", "silence", "answer", "transfer"])
def test_timeouts_are_above_zero(field: str) -> None:
    with pytest.raises(UsageError):
        Timeouts(**{field: 0})


def test_an_account_refusal_is_both() -> None:
    error = AccountRefusal("no", status=429, code="insufficient_quota")
    assert isinstance(error, NeedsPerson)
    assert isinstance(error, DefiniteRefusal)
    assert error.exit_code == NeedsPerson.exit_code
    assert (error.status, error.code) == (429, "insufficient_quota")


def test_naming_a_service_does_not_import_the_sdk() -> None:
    program = (
        "import sys, pipeline.providers.base, pipeline.providers.openai_batch\n"
        "print(sorted({'openai', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
