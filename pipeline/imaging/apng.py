"""Animated PNGs whose plain picture, the one that old programs show, is no frame (PNG
specification, third edition, 4.10): people see the animation, and Pillow begins with that picture.
"""

from __future__ import annotations

from pipeline.imaging.png_chunks import png_part, png_parts

_SIGNATURE = 8
_HEADER_SIZE = slice(16, 24)  # of a file: width and height
_FRAME_SIZE, _FRAME_PLACE = slice(4, 12), slice(12, 20)  # of a chunk fcTL
_SEQUENCE = 4  # bytes at the beginning of fcTL and fdAT
_OF_PICTURES = frozenset({b"acTL", b"IDAT", b"fcTL", b"fdAT"})


def without_plain_picture(data: bytes) -> bytes:
    """File with the first frame of its animation in the place of a picture that is none; the same
    file where that cannot be done: no such picture, or a frame that does not cover it."""
    if not _has_plain_picture(data):
        return data
    out, sequence = [data[:_SIGNATURE]], 0
    for at, kind, end in png_parts(data):
        behind_sequence = data[at + 8 + _SEQUENCE : end - 4]
        if kind == b"fdAT" and sequence == 1:
            out.append(png_part(b"IDAT", behind_sequence))
        elif kind in (b"fcTL", b"fdAT"):
            number = sequence.to_bytes(_SEQUENCE, "big")
            out.append(png_part(kind, number + behind_sequence))
            sequence += 1
        elif kind != b"IDAT":
            out.append(data[at:end])
    return b"".join(out)


def _has_plain_picture(data: bytes) -> bool:
    """Recognise a picture before the first frame of an animation, which covers all of it."""
    pixels = data.find(b"IDAT")
    if data.find(b"acTL", 0, max(pixels, 0)) < 0:
        return False
    parts = [(kind, at + 8) for at, kind, _ in png_parts(data) if kind in _OF_PICTURES]
    kinds = [kind for kind, _ in parts]
    plain = kinds.count(b"IDAT")
    if kinds[: plain + 3] != [b"acTL", *[b"IDAT"] * plain, b"fcTL", b"fdAT"]:
        return False
    start = parts[plain + 1][1]
    first = data[start : start + _FRAME_PLACE.stop]
    return first[_FRAME_SIZE] == data[_HEADER_SIZE] and not any(first[_FRAME_PLACE])
