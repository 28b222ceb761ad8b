from __future__ import annotations

import pytest

from pipeline.core.caption_words import language_of, opening_of, script_of, split_words


def test_words_are_cut_also_where_a_script_has_no_spaces() -> None:
    assert split_words("A dog's BALL, 3 m\u00b2!") == ["a", "dog's", "ball", "3", "m\u00b2"]
    assert split_words("猫が寝る cat") == [
        "猫",
        "が",
        "寝",
        "る",
        "cat",
    ]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a cat", "Latin"),
        ("12, 13!", ""),
        ("", ""),
        ("Кот спит", "Cyrillic"),
        ("一只猫", "Chinese"),
        ("猫が寝ている", "Japanese"),
        ("고양이", "Korean"),
        ("قطة", "Arabic"),
    ],
)
def test_scripts(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A dog lies on the sofa and sleeps.", "English"),
        ("Ein Hund liegt auf dem Sofa und schläft.", "German"),
        ("Un homme est assis devant une maison.", "French"),
        ("Dos niños comparten un helado sentados en el banco.", "Spanish"),
        ("Кот спит.", "Cyrillic"),
        ("Red car", ""),
        ('A sign on the wall reads "Ausgang und Eingang der Halle".', "English"),
        ("A sign reads 「営業中、いらっしゃいませ」 above the door", "English"),
    ],
)  # fmt: skip
def test_languages_are_told_by_function_words_outside_of_quotes(text: str, language: str) -> None:
    assert language_of(text, split_words(text)) == language


def test_an_opening_is_not_the_whole_text() -> None:
    assert opening_of(split_words("A close-up of a cat"), 4) == "a close up of"
    assert opening_of(split_words("A red cat sleeps"), 4) == ""
