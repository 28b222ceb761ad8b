"""Internet addresses that may be contacted: public ones, and those that the user adds.

A list of images comes from elsewhere, so an address in it may point at this machine, its network
or its cloud. `ipaddress.is_global` alone is not enough: it calls the cloud's own 168.63.129.16,
NAT64, 6to4 and multicast public. Ranges: IANA's special-purpose registries for IPv4 and IPv6.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from msgspec import Struct

Network = IPv4Network | IPv6Network

_METADATA = "the metadata service of a cloud"
_PRIVATE = "a private address"
_LOOPBACK = "this machine itself"
_LINK_LOCAL = "a link-local address"
_DOCUMENTATION = "an address for documentation"
_MULTICAST = "a multicast address"
_RESERVED = "a reserved address"
_UNSPECIFIED = "an unspecified address"

_RANGES: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), reason)
    for reason, texts in (
        (
            _METADATA,
            "168.63.129.16 169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 "
            "fd00:ec2::254 fd20:ce::254",
        ),
        (_UNSPECIFIED, "0.0.0.0/8 ::"),
        (_LOOPBACK, "127.0.0.0/8 ::1"),
        (_PRIVATE, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
        (_LINK_LOCAL, "169.254.0.0/16 fe80::/10"),
        ("a carrier's shared address", "100.64.0.0/10"),
        (_DOCUMENTATION, "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        ("an address for benchmarks", "198.18.0.0/15 2001:2::/48"),
        ("the broadcast address", "255.255.255.255"),
        (_MULTICAST, "224.0.0.0/4 ff00::/8"),
        ("a NAT64 address, which stands for an IPv4 one", "64:ff9b::/96 64:ff9b:1::/48"),
        ("a 6to4 address, which stands for an IPv4 one", "2002::/16 192.88.99.0/24"),
        ("a Teredo address, which stands for an IPv4 one", "2001::/32"),
        ("a site-local address", "fec0::/10"),
        (_RESERVED, "192.0.0.0/24 240.0.0.0/4 100::/64 2001::/23"),
    )
    for text in texts.split()
)
_UNICAST = IPv6Network("2000::/3")  # all that was ever given out
_COMPATIBLE = IPv6Network("::/96")


class AddressRules(Struct, frozen=True):
    """Addresses that may be contacted besides public ones.

    Attributes:
        private: 10/8, 172.16/12, 192.168/16 and fc00::/7, but no metadata services.
        allowed: networks that may be contacted whatever they are.
    """

    private: bool = False
    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, *, private: bool = False, allowed: Iterable[str] = ()) -> AddressRules:
        """Rules from texts such as "192.168.7.0/24". Raises ValueError for anything else."""
        return cls(private, tuple(ip_network(text) for text in allowed))


PUBLIC_ONLY = AddressRules()


def forbidden(ip: str, rules: AddressRules = PUBLIC_ONLY) -> str | None:
    """Reason against contacting the address `ip`, in words that follow "is"; None: it may be.

    An IPv4 address inside an IPv6 one (mapped, compatible) is taken out and judged; forms that
    are translated on their way (NAT64, 6to4, Teredo) are forbidden as they are.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return "no internet address"
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "an address of one network interface"
        if address.ipv4_mapped is not None:
            return _judge(address.ipv4_mapped, rules)
    return _judge(address, rules)


def _judge(address: IPv4Address | IPv6Address, rules: AddressRules) -> str | None:
    if any(address in network for network in rules.allowed):
        return None
    reason = next((words for network, words in _RANGES if address in network), None)
    if reason == _PRIVATE and rules.private:
        return None
    if reason is None and isinstance(address, IPv6Address) and address not in _UNICAST:
        inner = IPv4Address(int(address)) if address in _COMPATIBLE else None
        reason = (forbidden(str(inner)) if inner else None) or _RESERVED
    if reason is None and not address.is_global:
        reason = "not a public address"
    return reason
