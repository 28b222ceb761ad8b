from __future__ import annotations

from pipeline.commands.pilot_findings import Picked
from pipeline.commands.pilot_sample import candidates_for, spread_sample
from pipeline.ledger.images import SeenImage


def picked(number: int, folder: str, width: int, height: int) -> Picked:
    image = SeenImage(number, folder, f"{number:02}.jpg", None, {}, None)
    return Picked(image, b"", width, height, width, height)


def test_three_candidates_are_read_for_each_image() -> None:
    assert candidates_for(50) == 150


def test_a_sample_is_spread_over_folders_shapes_and_sizes() -> None:
    sizes = [(40, 30), (400, 300), (30, 40), (300, 400)]
    candidates = [picked(n, f"f{n % 2}", *sizes[n // 2 % 4]) for n in range(16)]
    sample = spread_sample(candidates, 8)
    assert {(p.image.folder, p.width, p.height) for p in sample} == {
        (folder, *size) for folder in ("f0", "f1") for size in sizes
    }
    assert spread_sample(list(reversed(candidates)), 8) == sample
    assert len(spread_sample(candidates, 99)) == 16
