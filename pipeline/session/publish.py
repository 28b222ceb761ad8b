"""Outputs that go to object storage: made whole in the workspace, then put as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.session.beside import check_sidecars
from pipeline.session.session import Session
from pipeline.storage.publishing import ObjectWriter
from pipeline.system.files import checksum_of

_PUBLISHED = "published:"  # a fact of the ledger, with the address


def check_outputs(session: Session, skipped: Mapping[str, int]) -> None:
    """Check before anything is paid for that the outputs can be put where they are to go; `skipped`
    counts files of the sources by suffix.

    Raises:
        UsageError: there is no such place, it cannot be asked, or a text cannot be filled.
    """
    check_sidecars(session, skipped)
    for address in _addresses(session):
        writer = ObjectWriter(address, session.settings.engine.storage)
        writer.stamp(writer.place.key)


def publish_outputs(session: Session) -> None:
    """Put the table and the list of rejects where the configuration says, if they changed since or
    are gone there.

    Raises:
        StorageError: somebody else has written there since.
        UsageError: they cannot be put; the files in the workspace are whole.
    """
    for address, path in _addresses(session).items():
        try:
            _publish(session, address, path)
        except UsageError as error:
            raise UsageError(f"{error}; the file itself is {path}, 'captionmill export' puts it "
                             "again") from error  # fmt: skip


def _publish(session: Session, address: str, path: Path) -> None:
    ledger = session.ledger
    fact = f"{_PUBLISHED}{address}"
    before = json.loads(ledger.get(fact) or "{}")
    writer = ObjectWriter(address, session.settings.engine.storage)
    key, checksum = writer.place.key, checksum_of(path).hex()
    if before.get("xxh3") == checksum and writer.stamp(key) == before["stamp"]:
        return
    stamp = writer.replace(key, path, before.get("stamp"))
    ledger.put(fact, json.dumps({"xxh3": checksum, "stamp": stamp}))
    session.context.say(f"{address} is up to date")


def _addresses(session: Session) -> dict[str, Path]:
    output = session.settings.output
    outputs = {output.table_address: session.table, output.rejects_address: session.rejects}
    return {address: path for address, path in outputs.items() if address}
