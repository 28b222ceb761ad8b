from pipeline.ledger.batch_metadata import metadata_of
from tests.ledger.world import World


def test_metadata_keeps_the_services_limits(world: World) -> None:
    world.image("a.jpg", 1)
    meta = metadata_of("w" * 16, world.seal(), ["caption", "tags"])
    assert meta["captionmill_fields"] == '["caption", "tags"]'
    assert metadata_of("w", world.ledger.shards.get(1), ["x" * 600])["captionmill_fields"] == ""
    assert len(meta) <= 16
    assert all(len(k) <= 64 and len(v) <= 512 for k, v in meta.items())


def test_the_word_of_the_run_is_in_it_where_one_creates(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    plain = metadata_of("w", shard)
    assert plain["captionmill_generation"] == "1"
    assert metadata_of("w", shard, nonce="n") == plain | {"captionmill_run": "n"}
