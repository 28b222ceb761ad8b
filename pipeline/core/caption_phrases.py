"""Phrases that no caption should hold: refusals, boiler-plate openings, markup, and words with
which no sentence ends.

They are anchored at the beginning wherever a text that stands in the picture could hold them too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFUSING = (
    # English
    r"(?:i['\u2019]?m|i am) (?:very |so |really |truly )?sorry\b",
    r"sorry,? (?:but )?(?:i|this|that|the|no)\b",
    r"(?:my )?apologies\b|i apologi[sz]e\b",
    r"(?:unfortunately,? )?i (?:can(?:no|['\u2019])t|can not|am (?:not able|unable)|['\u2019]m "
    r"(?:not able|unable)|won['\u2019]?t|do(?:n['\u2019]t| not) (?:see|have)|am not)\b",
    r"unable to (?:view|see|process|describe|identify|assist|analy[sz]e|display|provide|access)\b",
    r"(?:there is )?no (?:image|picture|photo)\w* (?:was|is|has been|were|attached|provided"
    r"|visible|available|found)\b|no picture was attached",
    r"please (?:provide|upload|share|attach|send)\b",
    r"as an? (?:ai|artificial|language|image|text)\b",
    r"(?:the|this) (?:image|picture|photo)\w* (?:could not|couldn['\u2019]t|cannot|can['\u2019]t|"
    r"failed to|did not) (?:be|load|display|open)\b",
    # German, French, Spanish, Italian, Portuguese, Dutch
    r"(?:es )?tut mir (?:sehr )?leid\b|entschuldigung\b|leider kann ich\b"
    r"|ich kann (?:\w+ ){0,6}nicht\b|als (?:ki|künstliche)\b",
    r"(?:je suis )?désolée?\b|je ne peux pas\b|je ne suis pas en mesure\b|en tant qu['\u2019]ia\b",
    r"lo siento\b|lo lamento\b|no puedo\b|como (?:modelo|una? ia|inteligencia)\b",
    r"mi dispiace\b|spiacente\b|non posso\b|come (?:modello|ia|intelligenza)\b",
    r"desculpe\b|sinto muito\b|não posso\b|não consigo\b|como (?:modelo|ia)\b",
    r"het spijt me\b|ik kan (?:\w+ ){0,6}niet\b|als (?:ai|taalmodel)\b",
    # Russian, Chinese, Japanese, Korean
    r"извините|простите"
    r"|к сожалению,? я|я не могу",
    r"(?:很|非常)?(?:抱歉|对不起|對不起)|我(?:无法|無法|不能)",
    r"申し訳|すみません|ごめんなさい",
    r"죄송|미안",
)
REFUSAL = re.compile(rf"\W*(?:{'|'.join(_REFUSING)})", re.IGNORECASE)
"""A text that refuses or apologises, at its beginning."""
AS_MODEL = re.compile(
    r"\bas an? (?:ai|(?:large )?language model)\b|\bi (?:cannot|can['\u2019]t|am unable to)"
    r" (?:assist|help|identify|provide|comply|describe)\b",
    re.IGNORECASE,
)
"""Words of a model about itself, anywhere."""

_PICTURE = r"(?:image|picture|photo|photograph)"
_SHOWS = (
    r"(?:shows?|depicts?|features?|displays?|captures?|contains?|presents?|illustrates?|portrays?"
    r"|showcases?|is (?:of|a|an|showing)|appears to)"
)
_OPENINGS = (
    rf"(?:the|this|provided|given) (?:\w+ )?{_PICTURE} {_SHOWS}\b",
    rf"(?:in|within|seen in) (?:the|this) {_PICTURE}\b",
    rf"(?:an?|the) {_PICTURE} (?:of|showing|depicting|that shows)\b",
    r"(?:sure|certainly|of course|absolutely|okay|ok)[,!.:]",
    r"here(?:['\u2019]s| is| are) (?:an?|the|your|some)\b.{0,40}(?:caption|description|tags)",
    r"(?:caption|description|answer|alt[ -]?text|title|output|response|image)\s*:",
    r"(?:das|dieses) (?:bild|foto) (?:zeigt|stellt)\b|(?:auf|in) (?:dem|diesem) (?:bild|foto)\b"
    r"|(?:bildbeschreibung|beschreibung)\s*:",
    r"(?:l['\u2019]|cette )image (?:montre|représente|présente)\b|(?:la|cette) photo(?:graphie)? "
    r"(?:montre|représente|présente)\b|(?:sur|dans) (?:cette|la) (?:image|photo)\b|légende\s*:",
    r"(?:la|esta) (?:imagen|foto|fotografía) (?:muestra|presenta|representa)\b|en (?:la|esta) "
    r"(?:imagen|foto)\b",
    r"l['\u2019]immagine (?:mostra|raffigura)\b|(?:la|questa) foto (?:mostra|raffigura)\b"
    r"|(?:in questa|nella) (?:immagine|foto)\b|nell['\u2019]immagine\b",
    r"(?:a|esta) (?:imagem|foto) (?:mostra|apresenta)\b|n(?:a|esta) (?:imagem|foto)\b",
    r"(?:de|deze) (?:afbeelding|foto) (?:toont|laat)\b|op (?:de|deze) (?:afbeelding|foto)\b",
    r"на (?:это[йм] )?(?:изображении"
    r"|фото|картинке|снимке)",
    r"(?:这|该|這|該)(?:张|張|幅)?(?:图|圖|照|画)|(?:图片|圖片|照片|图中|画面)"
    r"(?:中|显示|展示)?",
    r"(?:この)?(?:画像|写真)(?:には|は|では|に)",
    r"이 (?:이미지|사진)",
)
OPENING = re.compile(rf"\W*(?:{'|'.join(_OPENINGS)})", re.IGNORECASE)
"""Words before the caption that say nothing about the picture."""

MARKUP: Mapping[str, re.Pattern[str]] = {
    "a code fence": re.compile(r"```"),
    "a heading": re.compile(r"^#{1,6} +\S", re.MULTILINE),
    "Markdown emphasis": re.compile(r"\*\*\S[^*\n]*\*\*|(?<!\w)__\S[^_\n]*__(?!\w)"),
    "a list": re.compile(
        r"^\s*(?:[-*\u2022]|\d{1,2}[.)]) +\S.*\n+\s*(?:[-*\u2022]|\d{1,2}[.)]) +\S", re.M
    ),
    "a Markdown link": re.compile(r"!?\[[^\]\n]+\]\((?:https?:|/|#)[^)\s]*\)"),
    "JSON": re.compile(r"^\s*[{\[]\s*\"|\{\s*\"\w+\"\s*:"),
    "HTML": re.compile(
        r"</?(?:p|br|b|i|u|em|strong|div|span|ul|ol|li|h[1-6]|img|a|code|pre|table|td|tr)(?:\s[^<>]*)?/?>"
        r"|&(?:amp|lt|gt|quot|nbsp|apos|#\d{1,6});",
        re.IGNORECASE,
    ),
    "an escape": re.compile(r"\\n(?![a-z])|\\u[0-9a-fA-F]{4}|\\\""),
    "a model's own token": re.compile(r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]|</?s>|</?think(?:ing)?>"),
}
"""What is left over of an answer's form, by its name."""

UNENDING: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "English": "a an the and or its their his your my our than into whose which "
        "because while although including featuring",
        "German": "der das und oder mit ein eine einem einen einer von dem den im zum zur sowie",
        "French": "le les un une des et ou avec du aux qui dont dans ainsi",
        "Spanish": "el los las un una y con del que mientras en",
        "Italian": "il lo gli un una e con del della che nel nella",
        "Portuguese": "os um uma e com do da que em no na",
        "Dutch": "de het een en met van waarbij",
    }.items()
}
"""Words after which something must follow, by language."""
