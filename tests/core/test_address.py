from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.address import AddressRules, forbidden

V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
BELOW = {  # addresses of ranges that chance would hardly find
    name: st.integers(0, 2**bits - 1).map(lambda low, base=base: IPv6Address(base | low))
    for name, bits, base in [
        ("mapped", 32, 0xFFFF << 32),
        ("compatible", 32, 0),
        ("nat64", 32, 0x64FF9B << 96),
        ("local nat64", 80, (0x64FF9B0001) << 80),
        ("6to4", 112, 0x2002 << 112),
        ("teredo", 96, 0x20010000 << 96),
        ("site-local", 118, 0x3FB << 118),
        ("link-local", 118, 0x3FA << 118),
        ("unique local", 121, 0x7E << 121),
        ("multicast", 120, 0xFF << 120),
        ("documentation", 96, 0x20010DB8 << 96),
    ]
}


@pytest.mark.parametrize(
    ("ip", "said"),
    [
        ("127.0.0.1", "this machine"),
        ("127.255.255.254", "this machine"),
        ("::1", "this machine"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("fd12:3456::1", "private"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "one network interface"),
        ("2600::1%1", "one network interface"),
        ("169.254.169.254", "metadata"),
        ("169.254.170.2", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("192.0.0.192", "metadata"),
        ("100.64.0.1", "shared"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("2001:db8::1", "documentation"),
        ("3fff:fff::1", "documentation"),
        ("198.19.0.1", "benchmarks"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("ff0e::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("240.0.0.1", "reserved"),
        ("192.0.0.8", "reserved"),
        ("192.88.99.1", "6to4"),
        ("2002:7f00:1::", "6to4"),
        ("2002:808:808::1", "6to4"),
        ("2001:0:4136:e378::1", "Teredo"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b::808:808", "NAT64"),
        ("64:ff9b:1::a9fe:a9fe", "NAT64"),
        ("fec0::1", "site-local"),
        ("::ffff:127.0.0.1", "this machine"),
        ("::ffff:a9fe:a9fe", "metadata"),
        ("::127.0.0.1", "this machine"),
        ("::8.8.8.8", "reserved"),
        ("100::1", "reserved"),
        ("5f00::1", "reserved"),
        ("4000::1", "reserved"),
        ("", "no internet address"),
        ("example.com", "no internet address"),
        ("127.1", "no internet address"),
        ("0177.0.0.1", "no internet address"),
    ],
)
def test_what_is_forbidden_and_why(ip: str, said: str) -> None:
    assert said in (forbidden(ip) or "")


@pytest.mark.parametrize(
    "ip",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1"],
)
def test_public_addresses_are_allowed(ip: str) -> None:
    assert forbidden(ip) is None


@given(st.one_of(V4, V6, *BELOW.values()))
def test_what_is_not_global_is_forbidden(address: IPv4Address | IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    judged = mapped or address
    if not judged.is_global or judged.is_multicast or judged.is_reserved:
        assert forbidden(str(address)) is not None


@given(V4)
def test_an_ipv4_address_in_an_ipv6_one_is_no_way_around(address: IPv4Address) -> None:
    plain = forbidden(str(address))
    assert forbidden(f"::ffff:{address}") == plain
    for form in (f"::{address}", f"64:ff9b::{address}", f"64:ff9b:1::{address}"):
        assert forbidden(form) is not None
    assert forbidden(str(IPv6Address((0x2002 << 112) | (int(address) << 80)))) is not None


@pytest.mark.parametrize("name", [n for n in BELOW if n not in ("mapped",)])
def test_whole_ranges_are_forbidden(name: str) -> None:
    @given(BELOW[name])
    def check(address: IPv6Address) -> None:
        assert forbidden(str(address)) is not None

    check()


def test_private_addresses_can_be_allowed_but_nothing_else_with_them() -> None:
    rules = AddressRules.of(private=True)
    for ip in ("10.0.0.1", "172.16.0.1", "192.168.0.1", "fd12::1", "::ffff:10.0.0.1"):
        assert forbidden(ip, rules) is None
    for ip in ("127.0.0.1", "169.254.169.254", "fd00:ec2::254", "100.64.0.1", "64:ff9b::a00:1"):
        assert forbidden(ip, rules) is not None


@given(st.one_of(V4, V6, *BELOW.values()))
def test_allowed_networks_are_allowed_and_no_others(address: IPv4Address | IPv6Address) -> None:
    rules = AddressRules.of(allowed=("127.0.0.0/30", "fd00::/64"))
    judged = getattr(address, "ipv4_mapped", None) or address
    inside = any(judged in network for network in rules.allowed)
    assert forbidden(str(address), rules) == (None if inside else forbidden(str(address)))


def test_an_allowed_network_is_one() -> None:
    assert forbidden("127.0.0.1", AddressRules.of(allowed=("127.0.0.1",))) is None
    assert forbidden("::ffff:127.0.0.1", AddressRules.of(allowed=("127.0.0.1",))) is None
    for text in ("127.0.0.1/8", "localhost", ""):
        with pytest.raises(ValueError, match=r"network|host bits|Address"):
            AddressRules.of(allowed=(text,))


def test_the_result_does_not_depend_on_how_the_address_is_written() -> None:
    for text in ("0:0:0:0:0:ffff:7f00:1", "::FFFF:127.0.0.1"):
        assert forbidden(text) == forbidden(str(ip_address(text)))
