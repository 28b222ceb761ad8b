from __future__ import annotations

import json

import pytest

from pipeline.errors import UsageError
from tests.rig import Rig


def test_texts_by_a_template_with_a_suffix(rig: Rig) -> None:
    rig.add("a.png", "sub/b.png")
    rig.run(
        output__sidecars="replace",
        output__sidecar_suffix=".caption",
        output__sidecar_template="ohwx, {caption} [{path}]",
        prompt__prefix="P ",
    )
    assert rig.said[-1] == "texts beside images: 2 written"
    captions = {row["path"]: row["caption"] for row in rig.table()}
    for path, caption in captions.items():
        text = (rig.data / path).with_suffix(".caption").read_text()
        assert text == f"ohwx, {caption} [{path}]\n"
        assert caption.startswith("P ")
    assert not list(rig.data.rglob("*.txt"))


def test_all_fields_as_json_and_only_when_something_changed(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(output__sidecars="replace", output__sidecar_json=True)
    text = rig.data / "a.json"
    values = json.loads(text.read_text())
    assert (values["path"], values["caption"]) == ("a.png", rig.table()[0]["caption"])
    assert "location" not in values
    text.unlink()
    rig.run(output__sidecars="replace", output__sidecar_json=True)
    assert not text.exists()
    rig.run(output__sidecars="replace")
    assert (rig.data / "a.txt").exists()


def test_a_template_with_an_unknown_field_is_refused_before_anything_is_paid_for(rig: Rig) -> None:
    rig.add("a.png")
    with pytest.raises(UsageError, match=r"\{tags\}"):
        rig.run(output__sidecars="replace", output__sidecar_template="{tags}")
    assert rig.posts() == 0
    rig.check()


def test_texts_that_are_kept_although_their_images_are_paid_for_are_named_once(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("by hand")
    rig.run(output__sidecars="keep")
    (said,) = (text for text in rig.said if "skip_captioned" in text)
    assert said.startswith("1 .txt file beside the images")
    rig.said.clear()
    rig.run(output__sidecars="keep")
    assert not any("skip_captioned" in text for text in rig.said)
