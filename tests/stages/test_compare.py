from PIL import Image

from pipeline.commands.estimate import estimate
from tests.rig import Rig


def big(rig: Rig, name: str, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (len(name), 80, 90)).save(rig.data / name)


def test_policies_and_models_price_the_same_unique_images(rig: Rig) -> None:
    big(rig, "a.png", (1600, 1200))
    big(rig, "bb.png", (300, 200))
    big(rig, "cc.png", (300, 200))  # the same pixels as bb.png
    found = estimate(rig.config(), rig.data, models=("gpt-4o-mini", "gpt-9-none"))
    assert (found.quote.unique, found.quote.duplicates) == (2, 1)
    tokens = {row.name: row.prompt_tokens for row in found.policies}
    assert tokens["long side 512"] < tokens["long side 1024"] < tokens["originals"]
    assert tokens["long side 512"] == found.quote.prompt_tokens
    assert tokens["as the model sees it"] <= tokens["originals"]
    mini, unknown = found.models
    assert mini.prompt_tokens > tokens["long side 512"]  # 2,833 tokens an image before any tile
    assert (unknown.expected, unknown.max_cost) == (None, None)
    assert rig.posts(None) == 0


def test_an_estimate_of_paid_images_is_nothing(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    found = estimate(rig.config(), rig.data)
    assert (found.quote.paid, found.quote.requests, found.quote.max_cost) == (2, 0, 0)
