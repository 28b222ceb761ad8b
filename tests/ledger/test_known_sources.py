from pipeline.ledger.integrity import integrity
from tests.ledger.world import NOW, World


def test_a_forgotten_source_leaves_its_works(world: World) -> None:
    world.image("a.jpg", 1)
    ledger = world.ledger
    ledger.sources.note_crawl(world.source, NOW)
    (source,) = ledger.sources.all()
    assert (source.images, source.rows, source.seen_at) == (1, 1, NOW)
    with ledger.sources.changing():
        ledger.sources.forget(world.source)
    assert ledger.sources.all() == []
    assert ledger.rows.all_images() == 0
    assert ledger.database.number("SELECT COUNT(*) FROM works WHERE representative IS NULL") == 1
    assert integrity(ledger.database) == []
    assert ledger.database.number("SELECT COUNT(*) FROM meta WHERE key LIKE 'crawled:%'") == 0
