"""Words of captions: how texts are cut, which script and language they are in, and how they begin.

Languages are told by their function words, which no caption of a sentence lacks; scripts by their
letters. Neither needs a model, and what is not clear is "".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

# letters of scripts without spaces count as words of their own
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(f"[{_ALONE}]|[^\\W{_ALONE}]+(?:['\u2019][^\\W{_ALONE}]+)*")
_QUOTED = re.compile(
    '"[^"\n]*"|\u201c[^\u201d\n]*\u201d|\u201e[^\u201c\u201d\n]*[\u201c\u201d]'
    "|\u00ab[^\u00bb\n]*\u00bb|\u300c[^\u300d\n]*\u300d|\u300e[^\u300f\n]*\u300f"
    "|\u300a[^\u300b\n]*\u300b|(?<!\\w)'[^'\n]*'(?!\\w)|\u2018[^\u2019\n]*\u2019"
)
_MARKS = frozenset("\"'\u201c\u201e\u00ab\u300c\u300e\u300a\u2018")
_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "Latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "Arabic": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Bengali": re.compile("[\u0980-\u09ff]"),
    "Tamil": re.compile("[\u0b80-\u0bff]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
    "Korean": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "Kana": re.compile("[\u3040-\u30ff]"),
    "Chinese": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
}
_KANA_SHARE = 0.1  # of the letters of a Japanese text, at least
_CLEAR = 2  # different function words that a language needs, more than any other has

_FUNCTION_WORDS = {
    "English": "the and with of an is are its their on at from which there by has "
    "while behind into near under above between around through over his her this that to wearing",
    "German": "der die das und mit ein eine einer einem einen ist sind auf im vor neben dem den "
    "des unter zu von sich hinter über wird trägt aus sitzt steht",
    "French": "le les et une un des du avec dans est sont sur devant par aux qui la au sous "
    "son ses derrière à une deux pour leur",
    "Spanish": "el los las y una un con del está están sobre en por su que junto al frente la "
    "de se lleva detrás mientras bajo dos",
    "Italian": "il lo gli e una un con del della di che nel nella sono su davanti accanto al alla "
    "la dei si è sotto dietro due mentre",
    "Portuguese": "o os as e uma um com do da dos em no na ao está estão que sobre ao lado por "
    "atrás se dois sob enquanto sua seu",
    "Dutch": "de het en een met van op in zijn die naast voor staat aan onder er wordt bij naar "
    "achter twee zit ligt hun",
    "Swedish": "och en ett med på är av som det den i vid till framför står under sitter har",
    "Danish": "og en et med på er af som det den i ved til foran står under sidder har af",
    "Polish": "i z na w jest są się do przed obok pod oraz za od ze stoi siedzi który dwa",
    "Czech": "a na se je jsou v před vedle pod který která za ze stojí sedí dva s",
    "Turkish": "bir ve ile bu üzerinde yanında önünde altında olan duran iki için arkasında",
    "Indonesian": "yang dan di dengan sebuah seorang dari pada depan sedang ini dua atas bawah",
    "Vietnamese": "một và của với trên trong có là đang những người bên phía các được cạnh",
    "Finnish": "ja on joka jossa edessä vieressä päällä sekä kaksi ovat istuu seisoo sen",
}
_LANGUAGES: dict[str, list[str]] = {}  # function word -> languages that have it
for _language, _words in _FUNCTION_WORDS.items():
    for _word in _words.split():
        _LANGUAGES.setdefault(_word, []).append(_language)


def split_words(text: str) -> list[str]:
    """Words in lower case; each letter of a script without spaces is one."""
    return _WORD.findall(text.casefold())


def script_of(text: str) -> str:
    """Script that most letters are of, "" for no letters. Kana and Han together are "Japanese"."""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    counts = Counter({name: len(letters.findall(text)) for name, letters in _SCRIPTS.items()})
    kana, han = counts.pop("Kana"), counts["Chinese"]
    if kana and kana >= _KANA_SHARE * (kana + han):
        counts["Japanese"] = kana + counts.pop("Chinese")
    name, most = counts.most_common(1)[0]
    return name if most else ""


def language_of(text: str, words: Sequence[str]) -> str:
    """Language of a text in Latin letters, e.g. "German"; the script of any other; "" where it is
    not clear. What is in quotes was read in the picture and does not count.

    Args:
        words: of the text, see `split_words`.
    """
    plain = text if _MARKS.isdisjoint(text) else _QUOTED.sub(" ", text)
    script = script_of(plain)
    if script != "Latin":
        return script
    scores: dict[str, int] = {}
    for word in set(words if plain is text else split_words(plain)):
        for language in _LANGUAGES.get(word, ()):
            scores[language] = scores.get(language, 0) + 1
    (best, language), (second, _) = sorted(
        [(0, ""), (0, ""), *((score, name) for name, score in scores.items())], reverse=True
    )[:2]
    return language if best >= _CLEAR and best > second else ""


def opening_of(words: Sequence[str], count: int) -> str:
    """First words of a text, "" where it has not more than those."""
    return " ".join(words[:count]) if len(words) > count else ""
