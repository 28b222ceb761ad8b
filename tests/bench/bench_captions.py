"""Local captioner on free photos: how often it names something, and how often that is there.

    python -m tests.bench captions

The pictures are those of data/samples, of scikit-image and scikit-learn. Beside each stand words
that a person would say of it; a caption is right when it names one of them and wrong when it names
something else. Those without a word hold nothing that the captioner knows: to name something is
wrong there. Precision comes before recall: what is not named costs a look, what is wrong a lie.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pipeline.server.captioner import LocalCaptioner
from pipeline.server.pictures import UploadedImage
from pipeline.server.settings import CLASSIFIER_MODEL, LOCAL_MODEL
from tests.bench.figures import Figure, Found

_SAMPLES = Path(__file__).parents[2] / "data" / "samples"
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}
_WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "astronaut.png": "person woman people astronaut suit",
        "camera.png": "person man people camera tripod",
        "cat.jpg": "cat tabby",
        "chelsea.png": "cat tabby",
        "china.jpg": "palace temple building roof",
        "clock_motion.png": "clock",
        "coffee.jpg": "cup coffee espresso spoon table",
        "coffee.png": "cup coffee espresso spoon table",
        "coins.png": "coins",
        "flower.jpg": "flower daisy dahlia bee",
        "motorcycle_left.png": "motorcycle moped bicycle helmet",
        "motorcycle_right.png": "motorcycle moped bicycle helmet",
        "photographer.jpg": "person man people camera tripod",
        "rocket.jpg": "rocket missile",
        **dict.fromkeys(
            (
                *("brick.png", "cell.png", "chessboard_GRAY.png", "chessboard_RGB.png"),
                *("color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png"),
                *("logo.png", "microaneurysms.png", "moon.png", "night-sky.webp", "page.png"),
                *("phantom.png", "rain-chart.png", "retina.jpg", "sailing-boat.jpg", "text.png"),
                *("transparent-leaf.png", "turned-flower.jpg"),
            ),
            "",
        ),
    }.items()
}


def main(arguments: list[str]) -> Found:
    """Caption every picture with both models."""
    argparse.ArgumentParser(prog="captions").parse_args(arguments)
    captioner, pictures = LocalCaptioner(), list(_pictures())
    found = Found()
    for model, goals in ((LOCAL_MODEL, (0.9, 0.6)), (CLASSIFIER_MODEL, (None, None))):
        captions = {path: _caption(captioner, path, model) for path in pictures}
        right = [path for path, (_, named) in captions.items() if named & _WORDS[path.name]]
        spoken = [path for path, (_, named) in captions.items() if named]
        nameable = sum(bool(_WORDS[path.name]) for path in captions)
        for path, (text, _) in captions.items():
            mark = "right" if path in right else "wrong" if path in spoken else "silent"
            print(f"  {mark:<7}{path.name:<24}{text}", flush=True)
        short = model.removeprefix("captionmill-local-")
        found.figures += [
            Figure(f"{short}: right, of {len(spoken)} captions that name something",
                   round(len(right) / max(1, len(spoken)), 3), "", goals[0], "at least"),
            Figure(f"{short}: right, of {nameable} pictures of something to name",
                   round(len(right) / nameable, 3), "", goals[1], "at least"),
        ]  # fmt: skip
        found.details[model] = {str(path): text for path, (text, _) in captions.items()}
    return found


def _pictures() -> Iterator[Path]:
    folders = [_SAMPLES]
    for package, folder in _FOLDERS.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            folders.append(Path(spec.submodule_search_locations[0]) / folder)
    for folder in folders:
        yield from (path for path in sorted(folder.iterdir()) if path.name in _WORDS)


def _caption(captioner: LocalCaptioner, path: Path, model: str) -> tuple[str, frozenset[str]]:
    """Caption, and the words of what it names; none where it only says what can be measured."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.thumbnail((512, 512))
    picture = UploadedImage(b"", image)
    description = captioner.describe(picture, "", model)
    named = description.caption if not _measured(description.caption) else ""
    return description.caption, frozenset(re.findall(r"[a-z]+", named.lower()))


def _measured(caption: str) -> bool:
    return caption.startswith("no confident label") or bool(re.search(r"\bpicture\b", caption))
