"""A list of URLs written by somebody who wishes us ill: nothing reaches what it must not.

Two witnesses: a trap that listens on every address of this machine, and the interpreter's own
record of every address that a socket was told to connect to.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.records import Rejection
from pipeline.sources.download import FetchOptions
from pipeline.sources.download.notes import Fetched
from tests.sources.download.site import (
    LOCAL,
    PNG,
    Contacts,
    Request,
    Site,
    code,
    fetch,
    redirect,
    reply,
    serving,
)

STRICT = replace(LOCAL, allow_addresses=())

FORBIDDEN_HOSTS = [
    # this machine
    *("127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001"),
    *("0x7f.1", "0X7F.0.0.1", "017700000001", "0177.0.0.1", "0177.1", "0x7f.0.0x0.01"),
    *("0", "0.0.0.0", "0x0", "00", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::127.0.0.1]"),
    *("[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:7f00:1::80ff:fffe]"),
    *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "localhost", "LOCALHOST", "localhost."),
    # its network
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "192.168.257", "0xc0a80001", "100.64.0.1"),
    *("[fc00::1]", "[fd12:3456:789a::1]", "[fec0::1]", "[::ffff:192.168.0.1]", "[2002:a00:1::]"),
    *("169.254.1.1", "[fe80::1]", "224.0.0.1", "255.255.255.255", "[ff02::1]", "240.0.0.1"),
    # its cloud
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376"),
    *("025177524776", "169.254.43518", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]"),
    *("[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd00:ec2::254]", "[fd20:ce::254]"),
    *("168.63.129.16", "2822734096", "100.100.100.200", "192.0.0.192", "[::ffff:168.63.129.16]"),
]
NO_URLS = [
    *("http://[fe80::1%25lo]/", "http://127.0.0.1@1.1.1.1/", "http://1.1.1.1@127.0.0.1/"),
    *("http://127.0.0.1\\@1.1.1.1/", "http://1.1.1.1\\@127.0.0.1/", "http:127.0.0.1/"),
    *("http:///127.0.0.1/", "http://127.0.0.1%2f/", "http://127.0.0.1%00.example/"),
    *("http://127.0.0.1\r\n.example/", "file:///etc/passwd", "gopher://127.0.0.1/_GET", "ftp://a/"),
    *("dict://127.0.0.1:11211/", "unix:///run/docker.sock", "http+unix://run/", "jar:http://a!/"),
]


OURS = "127.0.0.77"
ONLY_OURS = replace(LOCAL, allow_addresses=(OURS,))


def hosts_file(host: str) -> list[str]:
    """Names as a resolver would give them that no test should ask."""
    if host.lower().rstrip(".") == "localhost":
        return ["127.0.0.1", "::1"]
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


@pytest.fixture
def trap() -> Iterator[Site]:
    """Listens on all IPv4 addresses of this machine, on one port."""
    with serving("0.0.0.0") as found:
        yield found


def addresses(contacts: Contacts) -> set[str]:
    return {address for address, _ in contacts.addresses}


def test_no_form_of_a_forbidden_host_is_contacted(
    trap: Site, contacts: Contacts, tmp_path: Path
) -> None:
    urls = [f"http://{host}:{trap.port}/latest/meta-data/" for host in FORBIDDEN_HOSTS]
    for found in fetch(urls, STRICT, tmp_path, resolve_host=hosts_file):
        assert code(found) == "forbidden_address", found
    assert trap.seen == []
    assert contacts.addresses == []


def test_what_is_no_url_is_not_contacted(contacts: Contacts, tmp_path: Path) -> None:
    for found in fetch(NO_URLS, STRICT, tmp_path, resolve_host=hosts_file):
        assert code(found) == "bad_url", found
    assert contacts.addresses == []


def test_ports_that_are_not_allowed_are_not_contacted(
    trap: Site, contacts: Contacts, tmp_path: Path
) -> None:
    options = replace(LOCAL, ports=FetchOptions().ports)
    assert code(fetch([trap.url("/")], options, tmp_path)[0]) == "bad_url"
    assert contacts.addresses == []


@pytest.fixture
def ours() -> Iterator[Site]:
    """A site on the one address that is allowed; the rest of loopback is not."""
    with serving(OURS) as found:
        yield found


def test_redirects_lead_to_no_forbidden_host(
    ours: Site, trap: Site, contacts: Contacts, tmp_path: Path
) -> None:
    statuses = itertools.cycle(["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
    urls = []
    for number, host in enumerate(FORBIDDEN_HOSTS):
        location = f"http://{host}:{trap.port}/secret".encode().decode("latin-1")
        ours.on(f"/{number}", redirect(location, next(statuses)))
        ours.on(f"/via/{number}", redirect(f"/{number}"))
        urls.append(ours.url(f"/via/{number}", OURS))
    for found in fetch(urls, ONLY_OURS, tmp_path, resolve_host=hosts_file):
        assert code(found) == "forbidden_address", found
    assert len(ours.seen) == 2 * len(FORBIDDEN_HOSTS)
    assert trap.seen == []
    assert addresses(contacts) == {OURS}


class Rebinding:
    """A name server in bad hands: each question gets the next answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_name_that_changes_its_address_is_judged_at_each_connection(
    ours: Site, trap: Site, contacts: Contacts, tmp_path: Path
) -> None:
    # another port is another connection, so the name is looked up again
    ours.on("/a", redirect(f"http://rebind.example:{trap.port}/secret"))
    names = Rebinding([OURS], ["127.0.0.1"])
    (found,) = fetch([ours.url("/a", "rebind.example")], ONLY_OURS, tmp_path, resolve_host=names)
    assert code(found) == "forbidden_address"
    assert names.asked == ["rebind.example"] * 2
    assert trap.seen == []
    assert addresses(contacts) == {OURS}


def test_the_address_that_was_judged_is_the_one_that_is_contacted(
    ours: Site, contacts: Contacts, tmp_path: Path
) -> None:
    ours.on("/a", reply())
    names = Rebinding([OURS], ["127.0.0.1"])
    (found,) = fetch([ours.url("/a", "rebind.example")], ONLY_OURS, tmp_path, resolve_host=names)
    assert code(found) == "new"
    assert names.asked == ["rebind.example"]
    assert contacts.addresses == [(OURS, ours.port)]


@pytest.mark.parametrize(
    "answer",
    [
        *(["127.0.0.1"], [OURS, "127.0.0.1"], ["127.0.0.1", OURS], ["::1", OURS]),
        *(
            [OURS, "::ffff:127.0.0.1"],
            [OURS, "64:ff9b::7f00:1"],
            ["169.254.169.254"],
            ["fe80::1%lo"],
        ),
    ],
)
def test_one_forbidden_address_forbids_the_name(
    ours: Site, contacts: Contacts, tmp_path: Path, answer: list[str]
) -> None:
    ours.on("/a", reply())
    url = ours.url("/a", "mixed.example")
    (found,) = fetch([url], ONLY_OURS, tmp_path, resolve_host=lambda _host: answer)
    assert code(found) == "forbidden_address"
    assert contacts.addresses == []


def test_a_name_that_does_not_exist(contacts: Contacts, tmp_path: Path) -> None:
    (found,) = fetch(["http://gone.example/"], STRICT, tmp_path, resolve_host=hosts_file)
    assert code(found) == "dns_error"
    assert contacts.addresses == []


def test_private_networks_when_allowed_open_nothing_else(
    trap: Site, contacts: Contacts, tmp_path: Path
) -> None:
    options = replace(STRICT, allow_private=True)
    hosts = ["127.0.0.1", "169.254.169.254", "[::1]", "[fd00:ec2::254]", "100.100.100.200"]
    urls = [f"http://{host}:{trap.port}/" for host in hosts]
    assert {code(found) for found in fetch(urls, options, tmp_path)} == {"forbidden_address"}
    assert contacts.addresses == []


_BREATH = 0.001  # seconds between two pieces, so that others of this process are served, too


def huge_header(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", PNG)


def endless_header(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\n")
    while not request.site.closing.wait(_BREATH):
        request.send(b"X: y\r\n" * 1000)


def endless_line(request: Request) -> None:
    request.send(b"HTTP/1.1 200 ")
    while not request.site.closing.wait(_BREATH):
        request.send(b"O" * 65536)


def endless_continue(request: Request) -> None:
    while not request.site.closing.wait(_BREATH):
        request.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def switch(request: Request) -> None:
    request.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")


ODD_ANSWERS = {
    "huge_header": huge_header,
    "endless_header": endless_header,
    "endless_line": endless_line,
    "endless_continue": endless_continue,
    "switch": switch,
    "nothing": lambda request: request.connection.shutdown(socket.SHUT_WR),
    "no_http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "binary": bytes(range(256)) * 10,
    "negative_length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + PNG,
    "odd_length": b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n" + PNG,
    "two_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n" + PNG,
    "zero_in_header": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 3\r\n\r\nabc",
    "odd_status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "odd_coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_odd_answers_are_a_reason_and_hold_nobody_up(
    site: Site, contacts: Contacts, tmp_path: Path, name: str
) -> None:
    options = replace(LOCAL, seconds=4.0, idle_seconds=4.0)
    urls = [site.on("/odd", ODD_ANSWERS[name]), site.on("/good", reply())]
    odd, good = fetch(urls, options, tmp_path)
    assert isinstance(odd, Rejection)
    assert odd.code in ("http_error", "connection_error", "timeout")
    assert odd.detail.isprintable()
    assert isinstance(good, Fetched)
    assert good.path.read_bytes() == PNG
    assert addresses(contacts) == {"127.0.0.1"}
