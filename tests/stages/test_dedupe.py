import numpy as np
from PIL import Image

from pipeline.commands.dedupe import find_alike
from tests.rig import Rig

NEAR = {"hash": "dhash128", "distance": 16}


def scene(rig: Rig, name: str, seed: int, size: tuple[int, int], quality: int = 90) -> None:
    """A smooth random picture: the same seed looks the same at any size and quality."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    picture.save(rig.data / name, quality=quality)


def test_one_picture_stands_for_those_that_look_like_it(rig: Rig) -> None:
    scene(rig, "a small.jpg", 1, (320, 240), quality=60)
    scene(rig, "b large.jpg", 1, (1280, 960))
    scene(rig, "c other.jpg", 2, (640, 480))
    report = rig.run(images__near_duplicates=NEAR)
    assert report.requests == 2
    rows = {row["path"]: row for row in rig.table()}
    assert rows["a small.jpg"]["outcome"] == "duplicate"
    assert rows["a small.jpg"]["duplicate_of"] == "b large.jpg"
    assert 0 <= rows["a small.jpg"]["duplicate_distance"] <= 16
    assert rows["b large.jpg"]["outcome"] == rows["c other.jpg"]["outcome"] == "captioned"
    assert rows["a small.jpg"]["caption"] == rows["b large.jpg"]["caption"]
    rig.check()
    assert rig.run(images__near_duplicates=NEAR).requests == 0


def test_what_is_paid_for_represents_larger_newcomers(rig: Rig) -> None:
    scene(rig, "paid.jpg", 1, (320, 240))
    rig.run()
    scene(rig, "newcomer.jpg", 1, (1280, 960))
    report = rig.run(images__near_duplicates=NEAR)
    assert report.requests == 1  # paid.jpg was prepared before anybody asked what it looks like
    scene(rig, "later.jpg", 1, (900, 675))
    assert rig.run(images__near_duplicates=NEAR).requests == 0
    rig.check()


def test_without_the_option_every_picture_is_captioned(rig: Rig) -> None:
    scene(rig, "a.jpg", 1, (320, 240))
    scene(rig, "b.jpg", 1, (1280, 960))
    assert rig.run().requests == 2


def test_a_look_before_it_counts_changes_nothing(rig: Rig) -> None:
    scene(rig, "a.jpg", 1, (320, 240))
    scene(rig, "b.jpg", 1, (1280, 960))
    (found,) = find_alike(rig.config(), rig.data)
    assert (found.path, found.representative) == ("a.jpg", "b.jpg")
    assert rig.run().requests == 2
