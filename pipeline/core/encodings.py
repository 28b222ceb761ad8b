"""Encodings of texts that people made: what a library can tell, and what only a person can."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

UTF_8 = "utf-8-sig"
WINDOWS = "cp1252"
STRAY_BYTES = "captionmill.stray"
"""Handler of bytes that do not decode, in any encoding: each becomes one of U+DC80 to U+DCFF."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = (
    *("cp932", "gb18030", "big5", "cp949", "euc_jp", "cp1250", "cp1251", "cp1252", "cp1253"),
    *("cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "mac_roman", "cp437", "cp850"),
)
_CLEARLY = 0.05  # the library's measure of disorder, by which the best reading must lead
_NAMES = {"cp1252": "Windows-1252", "cp1251": "Windows-1251", "cp1250": "Windows-1250",
          "cp932": "Shift-JIS", "cp949": "EUC-KR", UTF_8: "UTF-8"}  # fmt: skip
_SHIFT_JIS = "cp932"
_HALF = re.compile(b"\xed[\xa0-\xbf][\x80-\xbf]")  # a surrogate in the form of UTF-8
# Japanese has kana; the other codecs of the East do not write these bytes in words. Where they are
# read as Shift-JIS they show the half-width forms, which no sentence mixes with the full ones.
_KANA = re.compile("\\A[^\uff61-\uff9f]*[\u3041-\u30fa][^\uff61-\uff9f]*\\Z")
# what Windows-1252 shows of texts in other encodings: runs of accents, capitals and signs in words
_FOREIGN = re.compile(
    "[^\\W\\d_a-zA-Z]{3}"
    "|[a-zß-öø-ÿ][À-ÖØ-ÞŠŽŒŸ]"
    "|[^\\W\\d_][‚„†‡ˆ‰‹¡¤¦¨¬¯¶¸¿ƒ]"
    "|[^\\W\\d_][¹²³¼½¾±×÷µªº¢£¥§][^\\W\\d_]"
)


def _stray_bytes(error: UnicodeError) -> tuple[str, int]:
    """As "surrogateescape", which does not take ASCII bytes, as halves of UTF-16 have them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return "".join(chr(0xDC00 | max(byte, 0x80)) for byte in stray), error.end


codecs.register_error(STRAY_BYTES, _stray_bytes)


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by its mark or by the zeros of ASCII letters, None for neither."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    if (unmarked := _unmarked_utf_32(head[:4096])) is not None:
        return unmarked
    sample = head[: len(head) & ~1][:4096]
    # a first line of ASCII letters is enough: other texts may follow it
    for part in (sample, sample[: sample.find(b"\n") & ~1]):
        for codec, zeros, others in (
            ("utf-16-le", part[1::2], part[::2]),
            ("utf-16-be", part[::2], part[1::2]),
        ):
            many, few = 0.7 * len(zeros), 0.3 * len(others)
            if len(zeros) > 1 and zeros.count(0) > many and others.count(0) < few:
                return codec
    return None


def _unmarked_utf_32(head: bytes) -> str | None:
    """UTF-32 without a mark: of each four bytes the highest is zero, and mostly two more are."""
    sample = head[: len(head) & ~3]
    lanes = [sample[at::4] for at in range(4)]
    for codec, order in (("utf-32-le", (0, 1, 2, 3)), ("utf-32-be", (3, 2, 1, 0))):
        low, middle, plane, top = (lanes[at] for at in order)
        many = 0.7 * len(low)
        empty = top.count(0) == len(top) and min(middle.count(0), plane.count(0)) > many
        if len(low) > 1 and empty and low.count(0) < 0.3 * len(low):
            return codec
    return None


def likely_codecs(text: bytes) -> tuple[str, ...]:
    """Codecs that may have made a text that is no UTF-8, best first: one when it is clear."""
    if _is_western(text):
        return (WINDOWS,)
    from charset_normalizer import from_bytes

    readings = list(from_bytes(text, cp_isolation=list(_CANDIDATES)))
    if not readings:
        return ()
    best = readings[0]
    if best.encoding == _SHIFT_JIS and _KANA.search(str(best)):
        return (_SHIFT_JIS,)
    rivals = [other for other in readings[1:] if str(other) != str(best)]
    close = [other.encoding for other in rivals if other.chaos - best.chaos < _CLEARLY]
    return (best.encoding, *close)


def decode_text(text: bytes, encoding: str | None = None, *, cut: bool = False) -> tuple[str, str]:
    """Short text and the codec that it was read with: "" for UTF-8, "?" for none that is clear and
    reads every byte. With "?" the bytes that are not read are U+FFFD, to be shown, never sent.

    Args:
        encoding: of texts that are neither UTF-8 nor UTF-16, None to find out.
        cut: the text ends where it was cut, perhaps inside of a character.
    """
    for codec in _readings(text, encoding):
        try:
            decoded = codecs.getincrementaldecoder(codec)().decode(text, final=not cut)
        except UnicodeDecodeError:
            continue
        return decoded.removeprefix("\ufeff"), "" if codec == UTF_8 else codec
    return text.decode(wide_encoding(text) or UTF_8, "replace").removeprefix("\ufeff"), "?"


def _readings(text: bytes, encoding: str | None) -> Iterator[str]:
    """Codecs to try in turn: finding out costs more than UTF-8, and is done when that fails."""
    wide = wide_encoding(text)
    yield wide or UTF_8
    if wide:
        return
    if encoding:
        yield encoding
        return
    bad, good = foreign_bytes(text)
    readings = likely_codecs(text) if bad > good else ()
    # characters of UTF-8 speak against other codecs, but Shift-JIS makes some by chance
    if len(readings) == 1 and (not good or readings[0] == _SHIFT_JIS):
        yield readings[0]


def foreign_bytes(text: bytes) -> tuple[int, int]:
    """(bytes that are no UTF-8, characters of several bytes that are).

    Halves of characters, which databases and Java write in the form of UTF-8, count as one of
    both where nothing else is bad.
    """
    decoded = text.decode("utf-8", "surrogateescape")
    wide = len(decoded) - len(decoded.encode("ascii", "ignore"))
    bad = sum("\udc80" <= character <= "\udcff" for character in decoded)
    halves = len(_HALF.findall(text)) if bad else 0
    return (halves, wide - bad + halves) if bad == 3 * halves else (bad, wide - bad)


def encoding_name(codec: str) -> str:
    """Name of a codec for people."""
    return _NAMES.get(codec, codec.upper().replace("_", "-"))


def known_codec(name: str) -> bool:
    """Tell whether a text encoding can be read."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def _is_western(text: bytes) -> bool:
    try:
        decoded = text.decode(WINDOWS)
    except UnicodeDecodeError:
        return False
    return _FOREIGN.search(decoded) is None
