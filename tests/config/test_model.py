from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config import Config, load_config
from pipeline.core.lifecycle import Patience
from pipeline.core.packing import ShardLimits
from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.errors import UsageError


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Config().images.quality = 1  # type: ignore[misc]


def test_defaults_agree_with_the_rooms_that_use_them() -> None:
    config = Config()
    batch = config.batch
    assert Patience() == Patience(
        batch.grace_seconds,
        batch.listings_apart_seconds,
        batch.on_ambiguous,
        batch.stuck_grace,
        batch.backoff_minutes,
    )
    assert ShardLimits() == ShardLimits(batch.max_requests, batch.max_bytes, batch.max_tokens)
    rules = {
        name: RetryRule(**dict(getattr(config.retry, name)))
        for name in type(config.retry).model_fields
    }
    for outcome, rule in rules.items():
        assert rule == DEFAULT_RULES.get(outcome, RetryRule())


def test_the_size_in_force() -> None:
    assert Config().images.sizing.value == 512
    images = Config.model_validate({"images": {"target": {"kind": "model"}}}).images
    assert images.sizing.kind == "model"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("images", "target", {"kind": "model", "value": 5}),
        ("images", "target", {"kind": "tokens"}),
        ("images", "quality", 101),
        ("images", "quality", "85"),
        ("images", "quality", True),
        ("images", "pass_through", 1),
        ("input", "follow_links", "sideways"),
        ("provider", "base_url", "api.openai.com"),
        ("provider", "base_url", "https://me:secret@example.com/v1"),
        ("provider", "completion_window", "soon"),
        ("batch", "upload_expires_after", "10m"),
        ("batch", "backoff_minutes", []),
        ("retry", "length", {"attempts": 0}),
        ("budget", "run", -1),
        ("prices", "m", {"input": "1"}),
    ],
)
def test_bad_values_are_refused(section: str, key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({section: {key: value}})


def test_small_repairs() -> None:
    config = Config.model_validate(
        {
            "input": {"extensions": ["JPG", ".png"]},
            "provider": {"base_url": "https://example.com/v1/"},
            "batch": {"upload_expires_after": 0},
        }
    )
    assert config.input.extensions == (".jpg", ".png")
    assert config.provider.base_url == "https://example.com/v1"
    assert config.batch.upload_expires_after == 0


def test_texts_beside_images_are_read_or_written() -> None:
    with pytest.raises(UsageError, match="use one of them"):
        load_config(None, {"input.sidecar_context": True, "output.sidecars": "keep"})
    assert load_config(None, {"output.sidecars": "keep"}).output.sidecars == "keep"
