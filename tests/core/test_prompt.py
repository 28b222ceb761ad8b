from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.prompt import (
    MOST_CHARACTERS,
    check_template,
    fill_template,
    image_in,
    put_values,
    template_fields,
)
from pipeline.errors import UsageError
from pipeline.records import Rejection


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("Describe it.", "Describe it."),
        ("A {title}.", "A red chair."),
        ("{title}{title}", "red chairred chair"),
        ("{ title }", "red chair"),
        ("{{title}}", "{title}"),
        ("{{{title}}}", "{red chair}"),
        ('JSON: {{"a": 1}}', 'JSON: {"a": 1}'),
        ("{odd name.x[0]!r:>5}", "odd"),
        ("", ""),
    ],
)
def test_columns_are_put_in(template: str, prompt: str) -> None:
    assert fill_template(template, {"title": "red chair", "odd name.x[0]!r:>5": "odd"}) == prompt


def test_nothing_but_columns_can_be_reached() -> None:
    for template in ("{title.__class__}", "{title[0]}", "{title!r}", "{0}", "{__class__}"):
        found = fill_template(template, {"title": "x"})
        assert isinstance(found, Rejection)
        assert found.code == "missing_column"
        assert repr(template[1:-1]) in found.detail


def test_values_are_not_templates() -> None:
    assert fill_template("{a} {b}", {"a": "{b} {{", "b": "}}"}) == "{b} {{ }}"


def test_values_of_the_configuration_are_text_whatever_braces_they_have() -> None:
    template = put_values("{a} {b} {{a}}", {"a": "{b} }}{", "c": "x"})
    assert fill_template(template, {"b": "B"}) == "{b} }}{ B {a}"
    assert put_values("{b", {"a": "x"}) == "{b"  # refused later, with its line


def test_an_empty_value_is_a_value() -> None:
    assert fill_template("[{a}]", {"a": ""}) == "[]"


@pytest.mark.parametrize("template", ["{", "a } b", "{}", "{a{b}", "line\n}", "{a\nb}"])
def test_single_braces_are_refused(template: str) -> None:
    with pytest.raises(UsageError, match=r"a single [{}] in line [12]"):
        template_fields(template)


def test_the_columns_of_a_template() -> None:
    assert template_fields("{b} {a} {{c}} {b}") == ("b", "a")


def test_unknown_columns_are_found_before_anything_starts() -> None:
    check_template("{title} {size}", ["title", "size"])
    with pytest.raises(UsageError, match=r"\{titel\}.*did you mean \{title\}"):
        check_template("{titel}", ["title", "size"])
    with pytest.raises(UsageError, match="there are: title, size"):
        check_template("{zzz}", ["title", "size"])
    with pytest.raises(UsageError, match="--manifest"):
        check_template("{title}", [])


def test_values_are_cleaned_of_what_cannot_be_seen() -> None:
    value = "a\x00b\x1b[31mc\u202ed\u2028e\ud800f\r\ng\th"
    assert fill_template("{v}", {"v": value}) == "a b [31mc d e f \ng\th"
    assert fill_template("{v}", {"v": "naïve 🐈 “x”"}) == "naïve 🐈 “x”"


def test_a_long_prompt_is_refused() -> None:
    assert fill_template("{v}", {"v": "x" * MOST_CHARACTERS}) == "x" * MOST_CHARACTERS
    found = fill_template("{v}", {"v": "x" * (MOST_CHARACTERS + 1)})
    assert isinstance(found, Rejection)
    assert found.code == "prompt_too_long"


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=3))
def test_rendering_never_raises_but_for_braces(template: str, columns: dict[str, str]) -> None:
    try:
        fields = template_fields(template)
    except UsageError:
        return
    found = fill_template(template, columns)
    if isinstance(found, str):
        assert set(fields) <= set(columns)
        found.encode() if template.isascii() else None
    else:
        assert not set(fields) <= set(columns)


@given(st.text())
def test_escaped_braces_give_the_text_back(text: str) -> None:
    assert fill_template(text.replace("{", "{{").replace("}", "}}"), {}) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Describe https://a.example/b.jpg please", "https://a.example/b.jpg"),
        ("http://a.example/x/cat.PNG?size=2", "http://a.example/x/cat.PNG?size=2"),
        ("look: data:image/png;base64,iVBOR", "data:image/png;base64,iVBOR"),
        ("Describe in the style of https://example.org/guide", None),
        ("a.jpg", None),
    ],
)
def test_an_images_address_in_a_prompt_is_found(text: str, found: str | None) -> None:
    assert image_in(text) == found
