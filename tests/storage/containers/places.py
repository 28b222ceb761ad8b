"""Files that other programs made (see made_by_others/make.py), and what lies in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

MADE = Path(__file__).parent / "made_by_others"
LONG = f"{'long' * 30}.jpg"
SHA_256 = {  # of what make.py drew, beginnings
    name: digest
    for digest, names in {
        "89cf883d64b3a465": ("red.jpg", "hard.jpg"),
        "a5ba6a019df77fe5": ("sub/grün.jpg",),
        "797d7ffd5b9a1dc7": ("sub/deep/blue.one.jpg", LONG),
        "35607309a7ea6eae": ("holes.bmp",),
    }.items()
    for name in names
}


def digest(data: object) -> str:
    assert isinstance(data, bytes), data
    return hashlib.sha256(data).hexdigest()[:16]
