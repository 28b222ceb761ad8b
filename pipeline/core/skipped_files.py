"""Files that are no images, by words that a listing counts them under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pipeline.core.words import counted

TEXT_SUFFIXES = frozenset((".txt", ".caption", ".json", ".xmp"))
"""Suffixes of texts that may stand beside images."""

_CONTAINERS = (".zip", ".cbz", ".tar", ".tgz", ".gz", ".parquet")
EXCLUDED, EXCLUDED_FOLDER = "(excluded)", "(excluded folder)"
"""Words for what the user's rules leave out."""

_BESIDE = " beside an image"


def beside_images(suffix: str) -> str:
    """Word for files of a suffix that have the name of an image beside them.

    >>> beside_images(".txt")
    '.txt beside an image'
    """
    return f"{suffix}{_BESIDE}"


def excluded_sentence(skipped: Mapping[str, int]) -> str:
    """Sentence about what the user's rules leave out, "" for nothing."""
    files, folders = skipped.get(EXCLUDED, 0), skipped.get(EXCLUDED_FOLDER, 0)
    parts = [counted(files, "file")] if files else []
    parts += [counted(folders, "folder")] if folders else []
    if not parts:
        return ""
    return f"left out by [input] exclude or .captionmillignore: {' and '.join(parts)}"


def stray_counts(skipped: Mapping[str, int]) -> Counter[str]:
    """Counts of what belongs to no image."""
    return Counter({word: n for word, n in skipped.items() if not word.endswith(_BESIDE)})


def unopened_containers(skipped: Mapping[str, int]) -> str:
    """Sentence about archives and tables among skipped files, "" for none.

    >>> unopened_containers({".zip": 2, ".md": 1})
    "not opened: 2 .zip; images inside one are captioned by 'captionmill run FILE'"
    """
    counts = [f"{skipped[suffix]:,} {suffix}" for suffix in _CONTAINERS if skipped.get(suffix)]
    if not counts:
        return ""
    return (
        f"not opened: {', '.join(counts)}; images inside one are captioned by "
        "'captionmill run FILE'"
    )
