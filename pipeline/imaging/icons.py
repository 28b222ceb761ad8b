"""Icons (ICO) as Pillow shall see them: of the pictures of the largest size it takes the one of the
fewest colours, and it believes the directory about transparency, where many writers leave a 0.
"""

from __future__ import annotations

_ENTRY, _DIRECTORY = 16, 6
_MOST_ENTRIES = 256
_PNG, _PNG_BITS = b"\x89PNG", 32
_DIB_HEADER = 40


def with_one_picture(icon: bytes) -> bytes:
    """Icon whose directory names only its largest picture, of the most colours, with the bits a
    pixel that its bitmap has; `icon` itself where its directory cannot be followed."""
    count = min(int.from_bytes(icon[4:6], "little"), _MOST_ENTRIES)
    ends = range(_DIRECTORY + _ENTRY, _DIRECTORY + _ENTRY * count + 1, _ENTRY)
    entries = [icon[end - _ENTRY : end] for end in ends if end <= len(icon)]
    if not entries:
        return icon
    best = max(entries, key=lambda entry: (_pixels(entry), _bits(icon, entry)))
    bits = _bits(icon, best).to_bytes(2, "little")
    head = icon[:4] + b"\1\0" + best[:6] + bits + best[8:]
    return head + icon[len(head) :]


def _pixels(entry: bytes) -> int:
    return (entry[0] or 256) * (entry[1] or 256)


def _bits(icon: bytes, entry: bytes) -> int:
    """Bits a pixel, by the picture itself or else by the directory."""
    at = int.from_bytes(entry[12:16], "little")
    if icon[at : at + 4] == _PNG:
        return _PNG_BITS
    if int.from_bytes(icon[at : at + 4], "little") == _DIB_HEADER:
        return int.from_bytes(icon[at + 14 : at + 16], "little")
    return int.from_bytes(entry[6:8], "little")
