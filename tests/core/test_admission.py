from pipeline.core.admission import admits


def test_the_queue_stays_under_its_limit() -> None:
    assert admits(900, 100, 1000)
    assert not admits(901, 100, 1000)
    assert admits(10**9, 10**9, None)


def test_an_empty_queue_takes_any_shard() -> None:
    assert admits(0, 5000, 1000)
