from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.table_form import Affixes, TableForm


@given(st.text(), st.text(), st.text())
def test_a_caption_stays_whole_inside(prefix: str, caption: str, suffix: str) -> None:
    between = Affixes(prefix, suffix).of(caption)
    assert between[len(prefix) : len(between) - len(suffix)] == caption


def test_forms_are_told_apart() -> None:
    pairs = (("", ""), ("a", ""), ("", "a"), ("a", "a"))
    forms = {
        TableForm(Affixes(*pair), locations).to_text()
        for pair in pairs
        for locations in (True, False)
    }
    assert len(forms) == 8
    assert TableForm().to_text() == '[2, "", "", true]'
