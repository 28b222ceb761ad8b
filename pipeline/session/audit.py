"""Rules of an audit, from a configuration and from what packages are installed."""

from __future__ import annotations

import functools
import gzip
import importlib.util
from collections.abc import Callable
from pathlib import Path

from pipeline.config import Config
from pipeline.core.audit import AuditRules
from pipeline.core.caption_checks import CheckRules, TextEncoder
from pipeline.core.caption_tokens import (
    CLIP_TOKENS,
    T5_TOKENS,
    ClipVocabulary,
    least_clip_tokens,
    least_t5_tokens,
)
from pipeline.core.table_form import Affixes

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_PACKAGES = ("open_clip", "clip")  # that bring CLIP's vocabulary along


def audit_rules(config: Config) -> AuditRules:
    """Rules that a configuration asks for."""
    audit, off = config.audit, frozenset(config.audit.off)
    encoders = (_clip(), TextEncoder("t5_long", T5_TOKENS, least_t5_tokens, exact=False))
    return AuditRules(
        CheckRules(
            audit.trigger_word or "",
            audit.echo_words,
            Affixes(config.prompt.prefix, config.prompt.suffix),
            tuple(encoder for encoder in encoders if encoder.kind not in off),
        ),
        off,
        same_text=audit.same_text,
        alike=audit.alike,
        opening_share=float(audit.opening_share),
        language_share=float(audit.language_share),
    )


def clip_vocabulary() -> Path | None:
    """Path of CLIP's vocabulary in an installed package, which is not imported; None for none."""
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).with_name(_VOCABULARY)
            if path.is_file():
                return path
    return None


def _clip() -> TextEncoder:
    path = clip_vocabulary()
    count = least_clip_tokens if path is None else _counter(path)
    return TextEncoder("clip_long", CLIP_TOKENS, count, exact=path is not None)


@functools.cache
def _counter(path: Path) -> Callable[[str], int]:
    """Counter by a vocabulary, which is read when a caption is long enough to need it."""
    vocabulary: list[ClipVocabulary] = []

    def count(text: str) -> int:
        if len(text.encode("utf-8", "replace")) <= CLIP_TOKENS - 2:  # a byte is a token at most
            return 0
        if not vocabulary:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                vocabulary.append(ClipVocabulary.of(file.read()))
        return vocabulary[0].count(text)

    return count
