from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.commands.audit import audit
from tests.rig import Rig

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def test_things_in_the_picture_that_the_caption_does_not_name(rig: Rig) -> None:
    rig.add(*(f"{number}.png" for number in range(9)))
    shutil.copy(SAMPLES / "cat.jpg", rig.data / "z.jpg")
    rig.run()
    (rig.data / "0.png").unlink()  # no picture to look at
    said: list[str] = []
    report = audit(rig.config(), pictures=True, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("looking at 2 pictures more with the local model takes about ")
    (findings,) = report.findings
    assert (findings.kind.name, findings.captions) == ("unnamed", 1)
    assert (findings.examples[0].path, findings.examples[0].detail) == ("z.jpg", "cat")
    assert audit(rig.config(), pictures=True, say=said.append) == report  # what was seen is kept
    assert len(said) == 1
