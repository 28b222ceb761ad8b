"""Tokens of a caption for the text encoders that images are trained with: CLIP and T5.

CLIP's are counted exactly where its vocabulary is at hand. Without one they are bounded from below,
as measured on honest captions with clip-anytorch 2.6.0: in Latin letters each word, digit and run
of marks is one token at least, and most English captions have no more than that.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct, field

from pipeline.core.caption_words import script_of, split_words

CLIP_TOKENS, T5_TOKENS = 77, 256
"""Most tokens of a text, begin and end included."""

_PIECE = re.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+",
    re.IGNORECASE,
)
_LEAST: Mapping[str, float] = {  # tokens a word of `split_words`, the fewest measured
    "Cyrillic": 6.0, "Greek": 8.0, "Arabic": 3.7, "Hebrew": 5.0, "Devanagari": 3.0, "Korean": 5.0,
    "Japanese": 1.6, "Chinese": 2.3, "Thai": 1.0,
}  # fmt: skip
_SPACES = re.compile(r"\s+")
_WORD_END = "</w>"


class ClipVocabulary(Struct):
    """Byte pair merges of CLIP, and what they made of words seen before.

    Attributes:
        ranks: pair of symbols -> its rank, the lowest is merged first.
    """

    ranks: Mapping[tuple[str, str], int]
    _lengths: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, merges: str) -> ClipVocabulary:
        """Read the merges of `bpe_simple_vocab_16e6.txt`: CLIP uses the first 48,894 of them."""
        lines = merges.split("\n")[1 : 49152 - 256 - 2 + 1]
        pairs = (line.split() for line in lines if line)
        return cls({(first, second): rank for rank, (first, second) in enumerate(pairs)})

    def count(self, text: str) -> int:
        """Tokens of a text, with those for begin and end."""
        return 2 + sum(map(self._length, clip_pieces(text)))

    def _length(self, piece: str) -> int:
        length = self._lengths.get(piece)
        if length is None:
            length = self._merged(piece)
            if len(self._lengths) < _MOST_REMEMBERED:
                self._lengths[piece] = length
        return length

    def _merged(self, piece: str) -> int:
        symbols = [_BYTES[byte] for byte in piece.encode("utf-8", "replace")]
        symbols[-1] += _WORD_END
        while len(symbols) > 1:
            ranked = [
                (self.ranks.get(pair, math.inf), place)
                for place, pair in enumerate(pairwise(symbols))
            ]
            rank, place = min(ranked)
            if rank == math.inf:
                break
            symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
        return len(symbols)


def least_clip_tokens(text: str) -> int:
    """Bound below CLIP's tokens of a text."""
    least = _LEAST.get(script_of(text))
    if least is None:
        return 2 + len(clip_pieces(text))
    return 2 + int(least * len(split_words(text)))


def least_t5_tokens(text: str) -> int:
    """Bound below T5's tokens of a text: no token of it reaches over a space, and one ends it."""
    return 1 + len(text.split())


def clip_pieces(text: str) -> list[str]:
    """Pieces that CLIP cuts a text into before it merges bytes: words, digits, runs of marks."""
    plain = html.unescape(html.unescape(text))
    return _PIECE.findall(_SPACES.sub(" ", plain.strip()).lower())


def _byte_symbols() -> Sequence[str]:
    """Symbol of each byte: itself where it is printable, else a letter from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


_BYTES = _byte_symbols()
_MOST_REMEMBERED = 200_000  # words
