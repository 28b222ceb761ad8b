"""Who may read and who may change."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from pipeline.review.gate import ENTER, HEADERS, TOKEN_HEADER, Gate

HOST = "127.0.0.1:4711"


@pytest.fixture
def gate() -> Gate:
    return Gate.of("/ws")


def refusal(
    gate: Gate, method: str = "GET", path: str = "/", cookie: str | None = None, **headers: str
) -> str:
    named = {"Host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    session = gate.session if cookie is None else cookie
    return gate.refusal(method, path, CIMultiDict(named), session)


def test_our_own_page_reads_and_changes(gate: Gate) -> None:
    assert refusal(gate) == ""
    own = {"Origin": f"http://{HOST}", TOKEN_HEADER: gate.token, "Sec_Fetch_Site": "same-origin"}
    assert refusal(gate, "POST", "/api/judge", **own) == ""


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_loopback_names_on_any_port_pass_for_tunnels(gate: Gate, host: str) -> None:
    assert refusal(gate, Host=host) == ""


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "", "127.0.0.1:1:2"]
)
def test_a_name_bound_to_this_machine_reads_nothing(gate: Gate, host: str) -> None:
    assert "loopback" in refusal(gate, Host=host)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{HOST}"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ],
)
def test_another_site_reads_nothing(gate: Gate, headers: dict[str, str]) -> None:
    assert refusal(gate, **headers) == "another site asked"


def test_a_link_from_elsewhere_may_be_followed(gate: Gate) -> None:
    followed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert refusal(gate, **followed) == ""
    assert refusal(gate, "POST", "/api/judge", **followed) == "another site asked"


@pytest.mark.parametrize("cookie", ["", "x", "é"])
def test_nothing_without_the_cookie(gate: Gate, cookie: str) -> None:
    assert refusal(gate, cookie=cookie) == "not let in yet"


def test_a_change_needs_an_origin_and_the_token(gate: Gate) -> None:
    origin = {"Origin": f"http://{HOST}"}
    assert "where it comes from" in refusal(gate, "POST", **{TOKEN_HEADER: gate.token})
    assert "load it again" in refusal(gate, "POST", **origin)
    assert "load it again" in refusal(gate, "POST", **origin, **{TOKEN_HEADER: "old"})


def test_the_entry_works_once(gate: Gate) -> None:
    entry = gate.entry
    assert entry is not None
    assert refusal(gate, path=ENTER, cookie="") == ""
    assert not gate.enter("wrong")
    assert gate.enter(entry)
    assert not gate.enter(entry)
    assert gate.entry is None


def test_workspaces_have_cookies_of_their_own() -> None:
    assert Gate.of("/a").cookie != Gate.of("/b").cookie
    assert Gate.of("/a").cookie == Gate.of("/a").cookie
    assert Gate.of("/a").session != Gate.of("/a").session


def test_the_policy_lets_only_our_own_files_in() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy.replace("https", "")
