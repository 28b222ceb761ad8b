"""Rows for the tests of export formats."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline.sinks.exported import ExportedPicture, ExportedRow, PartPlace

VALUES: dict[str, Any] = {
    "text": 'a "red" boat, é\u2028',
    "tags": ["sea", "boat"],
    "cost": Decimal("0.000125000"),
    "when": datetime(2026, 11, 27, tzinfo=UTC),
    "count": 3,
    "share": 0.5,
    "sure": True,
    "nothing": None,
}


def picture(number: int = 0, kind: str = "PNG") -> ExportedPicture:
    data = io.BytesIO()
    Image.new("RGB", (32, 24), (number % 256, 90, 7)).save(data, kind)
    return ExportedPicture(data.getvalue(), kind.lower().replace("jpeg", "jpg"), 32, 24)


def exported(number: int = 0, name: str | None = None, **changes: Any) -> ExportedRow:
    fields: dict[str, Any] = {
        "key": hashlib.sha256(str(number).encode()).hexdigest()[:24],
        "name": name or f"set/{number}.png",
        "source": "imgs",
        "caption": f"caption {number}",
        "split": "train",
        "values": {"text": f"caption {number}", "path": f"set/{number}.png"},
        "picture": picture(number),
    }
    return ExportedRow(**(fields | changes))


def place(root: Path, name: str = "shard") -> PartPlace:
    return PartPlace(root, root / name)
