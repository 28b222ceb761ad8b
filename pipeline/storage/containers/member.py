"""Members of containers: what is inside, its address, an index of names.

An address is `SCHEME://CONTAINER!/MEMBER`, e.g. `zip:///data/pets.zip!/cats/tom.jpg`. It is read
up to its first `!/`, so one in the container's own path is written `%21/`, and `%` there `%25`; a
member's name stands as it is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from pipeline.core.reasons import rejection
from pipeline.records import Rejection

_INSIDE = "!/"
MemberKind = Literal["file", "hard link", "link", "folder", "other"]


class ContainerError(Exception):
    """Damage or a form of a container beyond which nothing of it can be read, in plain words."""


class MemberAddress(NamedTuple):
    """Address of a member; raw paths, as `open` takes them."""

    scheme: str
    container: str
    member: str

    def __str__(self) -> str:
        """Address as one text."""
        container = self.container.replace("%", "%25").replace(_INSIDE, "%21/")
        return f"{self.scheme}://{container}{_INSIDE}{self.member}"

    @classmethod
    def parse(cls, address: str) -> MemberAddress:
        """Parts of an address.

        Raises:
            ValueError: it is none.
        """
        scheme, colon, rest = address.partition("://")
        container, inside, member = rest.partition(_INSIDE)
        if not (colon and inside and scheme and container):
            raise ValueError(f"no address of a member: {address!r}")
        return cls(scheme, container.replace("%21/", _INSIDE).replace("%25", "%"), member)


class ImageRow(NamedTuple):
    """Place of an image in a table: `row-000000017/image`, in a list `row-000000017/images/2`.

    Rows have nine digits, so that the order of the texts is the order of the rows.
    """

    row: int
    column: str
    element: int | None = None

    def __str__(self) -> str:
        """Place as a text."""
        text = f"row-{self.row:09}/{self.column}"
        return text if self.element is None else f"{text}/{self.element}"

    @classmethod
    def parse(cls, text: str, *, many: bool) -> ImageRow:
        """Place of a text.

        Raises:
            ValueError: it is none.
        """
        row, _, column = text.partition("/")
        element = None
        if many:
            column, _, number = column.rpartition("/")
            element = int(number)
        return cls(int(row.removeprefix("row-")), column, element)


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: path as written in it, without "./" before it; bytes that are not UTF-8 are U+DC80 to
            U+DCFF.
        at: offset where its entry is read again.
        begin: offset of its own header, before its bytes.
        size: bytes, as the archive says.
        problem: why it cannot be read, None when it can.
        target: name of the member whose bytes a hard link shares.
    """

    name: str
    at: int
    begin: int
    size: int
    kind: MemberKind = "file"
    problem: Rejection | None = None
    target: str = ""


class Archive(Protocol):
    """Open archive. Reads are by offset, so threads may share it."""

    def members(self) -> Iterator[Member]:
        """Members in the archive's order, streamed.

        Raises:
            ContainerError: what follows cannot be read.
        """
        ...

    def member_at(self, at: int) -> Member:
        """Member whose entry is at an offset.

        Raises:
            ContainerError: there is none.
        """
        ...

    def read(self, member: Member, most: int, end: int | None = None) -> bytes | Rejection:
        """Bytes of a member of at most `most` bytes, checked; it must lie before `end`."""
        ...

    def head(self, member: Member, length: int) -> bytes:
        """First bytes of a member, b"" where it cannot be read."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class MemberIndex:
    """Places of an archive's members by their names: 24 bytes a member.

    A name that comes again means its last member, which is what unpacking would leave.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        """Read all members; after damage those before it are known, and `damage` says it."""
        import numpy as np

        self.damage = ""
        hashes, places, begins = array("Q"), array("Q"), array("Q")
        try:
            for member in members:
                hashes.append(_hash(member.name))
                places.append(member.at)
                begins.append(member.begin)
        except ContainerError as error:
            self.damage = str(error)
        numbers = np.frombuffer(hashes, np.uint64)
        order = np.argsort(numbers, kind="stable")  # of one name the last comes last
        self._hashes = array("Q", numbers[order].tobytes())
        self._places = array("Q", np.frombuffer(places, np.uint64)[order].tobytes())
        self._begins = array("Q", np.sort(np.frombuffer(begins, np.uint64)).tobytes())

    def __len__(self) -> int:
        """Number of members, those that come again too."""
        return len(self._hashes)

    def place(self, name: str) -> int | None:
        """Offset `at` of the last member of a name, None for none."""
        key = _hash(name)
        last = bisect_right(self._hashes, key) - 1
        if last < 0 or self._hashes[last] != key:
            return None
        return self._places[last]

    def end(self, begin: int) -> int | None:
        """Offset of the next header behind one at `begin`, None for none."""
        after = bisect_right(self._begins, begin)
        return self._begins[after] if after < len(self._begins) else None


def read_named(archive: Archive, index: MemberIndex, name: str, most: int) -> bytes | Rejection:
    """Bytes of a member of at most `most` bytes; a hard link has those of its target."""
    member = _named(archive, index, name)
    if member is None:
        return rejection("vanished", "the archive has no such member")
    if member.kind == "hard link":
        target = _named(archive, index, member.target)
        if target is None or target.kind != "file":
            return rejection("damaged", f"a link to {member.target}, which is not in the archive")
        member = target
    if member.problem is not None:
        return rejection("unreadable", member.problem.detail)
    return archive.read(member, most, index.end(member.begin))


def _named(archive: Archive, index: MemberIndex, name: str) -> Member | None:
    place = index.place(name)
    member = None if place is None else archive.member_at(place)
    return member if member is not None and member.name == name else None


def without_dots(name: str) -> str:
    """Name without "./" before it, which says nothing.

    >>> without_dots("././a/./b.jpg")
    'a/./b.jpg'
    """
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def _hash(name: str) -> int:
    import xxhash

    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogateescape"))
