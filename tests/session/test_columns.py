from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from tests.rig import Rig


def test_columns_are_remembered_for_each_source_and_checked_for_each(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "m.csv").write_text("path,title\na.png,t\n")
    (rig.data / "n.csv").write_text("path,author,title\nb.png,x,u\n")
    tables = [rig.data / "m.csv", rig.data / "n.csv"]
    assert rig.run(data=tables, prompt__user="Describe {title}.").requests == 2
    assert [(row["title"], row["author"]) for row in rig.table()] == [("t", None), ("u", "x")]
    with pytest.raises(UsageError, match=r"\{author\} that m\.csv does not have; there are: title"):
        rig.run(data=tables, prompt__user="Describe {author}.")


def test_what_the_prompt_does_not_send_is_said_once(rig: Rig) -> None:
    rig.add("one/a.png", "two/b.png")
    rig.run(data=[rig.data / "one", rig.data / "two"], input__sidecar_context=True)
    assert sum("the prompt does not name {sidecar}" in text for text in rig.said) == 1
