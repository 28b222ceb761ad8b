"""Addresses that lead to one and the same picture by redirect: a site's picture for dead links."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

ENOUGH = 4
"""Addresses that lead to one picture before it is taken for a placeholder: short links and
addresses with and without https come in twos and threes."""

_MOST_TARGETS = 50_000  # remembered, so that memory is constant in the number of addresses


class Placeholders:
    """Targets of redirects, with the addresses that lead there."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[bytes, set[str]] = OrderedDict()
        self.count = 0

    def add(self, address: str, target: str) -> list[str]:
        """Note a redirect; gives the addresses that are placeholders by it: none, this one, or
        this one with those before it."""
        key = hashlib.blake2b(target.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        addresses = self._addresses.setdefault(key, set())
        self._addresses.move_to_end(key)
        if len(self._addresses) > _MOST_TARGETS:
            self._addresses.popitem(last=False)
        if address in addresses:
            return [address] if len(addresses) >= ENOUGH else []
        before = list(addresses)
        if len(before) < ENOUGH:
            addresses.add(address)
        if len(before) + 1 < ENOUGH:
            return []
        placeholders = [*before, address] if len(before) + 1 == ENOUGH else [address]
        self.count += len(placeholders)
        return placeholders
