from __future__ import annotations

import pytest

from pipeline.core.caption_phrases import AS_MODEL, MARKUP, OPENING, REFUSAL, UNENDING

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I cannot identify people in pictures.",
    "Sorry, I can't assist with that request.",
    "I apologize, but no image is visible.",
    "Unfortunately, I cannot see the image.",
    "Unable to process the image.",
    "As an AI language model, I have no eyes.",
    "Please upload the image again.",
    "The image could not be loaded.",
    "No image was provided.",
    "Es tut mir leid, ich kann das Bild nicht sehen.",
    "Ich kann dieses Bild leider nicht beschreiben.",
    "Je suis désolé, mais je ne peux pas décrire cette image.",
    "Lo siento, no puedo ayudar con eso.",
    "Mi dispiace, non posso aiutarti.",
    "Desculpe, não posso ajudar.",
    "Извините, я не могу помочь.",
    "抱歉，我无法描述这张图片。",
    "申し訳ありませんが、お手伝いできません。",
    "죄송하지만 도와드릴 수 없습니다.",
]
OPENINGS = [
    "The image shows a cat.",
    "This photo depicts a cat.",
    "In this image, a cat sleeps.",
    "A picture of a cat.",
    "Sure! A cat sleeps.",
    "Here is a short caption: a cat",
    "Caption: a cat",
    "Das Bild zeigt eine Katze.",
    "Auf dem Foto ist eine Katze.",
    "L'image montre un chat.",
    "La imagen muestra un gato.",
    "L'immagine mostra un gatto.",
    "A imagem mostra um gato.",
    "De foto toont een kat.",
    "На фото кот.",
    "这张图片显示一只猫。",
    "この画像には猫がいます。",
    "이 이미지에는 고양이가 있습니다.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_and_apologies(text: str) -> None:
    assert REFUSAL.match(text)


@pytest.mark.parametrize("text", OPENINGS)
def test_openings_that_say_nothing(text: str) -> None:
    assert OPENING.match(text)


def test_a_model_speaks_of_itself_anywhere() -> None:
    assert AS_MODEL.search("A man in a suit. I cannot identify him.")
    assert not AS_MODEL.search("I see a man in a suit")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("```json\n{}\n```", "a code fence"),
        ("# A cat\nIt sleeps.", "a heading"),
        ("A **tabby** cat", "Markdown emphasis"),
        ("- a cat\n- a dog", "a list"),
        ("1. a cat\n2. a dog", "a list"),
        ("See [here](https://example.org)", "a Markdown link"),
        ('{"caption": "a cat"}', "JSON"),
        ('["a cat"]', "JSON"),
        ("a cat<br/>a dog", "HTML"),
        ("salt &amp; pepper", "HTML"),
        ("a cat\\n\\nA dog", "an escape"),
        ("caf\\u00e9", "an escape"),
        ("a cat<|im_end|>", "a model's own token"),
    ],
)
def test_markup(text: str, kind: str) -> None:
    assert next(name for name, pattern in MARKUP.items() if pattern.search(text)) == kind


@pytest.mark.parametrize("text", ["5 * 3 * 2 = 30", "#nofilter", "a <3 b", "C:\\new", "$19.99*",
                                  "one - two", "snake_case_name and another_one"])  # fmt: skip
def test_what_only_looks_like_markup(text: str) -> None:
    assert [name for name, pattern in MARKUP.items() if pattern.search(text)] == []


def test_unending_words_are_in_lower_case() -> None:
    assert all(word == word.casefold() for words in UNENDING.values() for word in words)
