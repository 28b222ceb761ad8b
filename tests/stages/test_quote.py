from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.server.app import LoopbackServer
from pipeline.session import templates
from pipeline.sources import open_source
from pipeline.sources.base import SourceOptions
from pipeline.stages.crawl import crawl
from pipeline.stages.identify import identify_images
from pipeline.stages.preprocess import link_known
from pipeline.stages.quote import Quote, quote
from tests.rig import KEY, picture
from tests.stages.scene import Scene


def quoted(scene: Scene, *, identify: bool = True, fresh: bool = True) -> Quote:
    task = scene.task()
    if identify:
        identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    request_template = templates.request_template(scene.caption_spec)
    return quote(scene.ledger, task, request_template, scene.caption_spec.largest(), fresh=fresh)


def test_every_image_is_counted_in_one_way(scene: Scene) -> None:
    scene.add("a.png", "b.png", "c.png")
    shutil.copy(scene.data / "a.png", scene.data / "copy.png")
    (scene.data / "broken.jpg").write_text("no image")
    found = quoted(scene)
    assert (found.images, found.unique, found.duplicates, found.rejected) == (5, 3, 1, 1)
    assert (found.requests, found.paid, found.unread) == (3, 0, 0)


def test_unread_images_are_counted_at_the_dearest_size(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    bound = quoted(scene, identify=False)
    exact = quoted(scene)
    assert (bound.unread, bound.requests, exact.unread) == (2, 2, 0)
    assert bound.max_cost is not None
    assert exact.max_cost is not None
    assert bound.max_cost > exact.max_cost


def test_what_is_under_way_or_answered_costs_nothing_again(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.write(scene.task())
    scene.add("c.png", first=7)
    found = quoted(scene)
    assert (found.unique, found.paid, found.requests) == (3, 2, 1)
    anew = quoted(scene, fresh=False)
    assert (anew.paid, anew.requests) == (0, 3)


def test_asking_changes_nothing(scene: Scene) -> None:
    scene.add("a.png")
    quoted(scene)
    tables = ["images", "works", "contents", "originals", "preparations", "shards"]
    before = [scene.ledger.database.execute(f"SELECT * FROM {t}").fetchall() for t in tables]
    quoted(scene)
    after = [scene.ledger.database.execute(f"SELECT * FROM {t}").fetchall() for t in tables]
    assert before == after


def test_a_prompt_that_cannot_be_made_is_no_duplicate(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.caption_spec = scene.make_spec(prompt__user="This is {title}.")
    found = quoted(scene)  # a folder has no columns
    assert (found.images, found.rejected, found.duplicates, found.requests) == (2, 2, 0, 0)


def test_an_unknown_price_is_no_price(scene: Scene) -> None:
    scene.add("a.png")
    scene.caption_spec = scene.make_spec(provider__model="gpt-9-none")
    found = quoted(scene)
    assert (found.requests, found.expected, found.max_cost) == (1, None, None)
    assert found.sentence() == "1 request, price unknown."


def test_the_sentence_names_both_amounts() -> None:
    found = Quote(requests=1200, expected=2_500_000_000, max_cost=4_000_000_000)
    assert found.sentence() == "1,200 requests, about $2.50, at most $4.00."


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("quote")
    with LoopbackServer(root / "server", captioner="echo", api_key=KEY, seed="7") as server:
        scene = Scene(root, server)
        for number, size in enumerate([(16, 16), (700, 40), (60, 900), (600, 600), (40, 40)]):
            picture(scene.data / f"{number}.png", number, size)
        shutil.copy(scene.data / "0.png", scene.data / "again.png")
        (scene.data / "broken.jpg").write_text("no image")
        yield scene
        scene.close()


@hypothesis_settings(max_examples=12)
@given(
    model=st.sampled_from(["gpt-6-luna", "gpt-5.4-mini", "gpt-4o-mini"]),
    detail=st.sampled_from(["low", "high"]),
    prompt=st.text("abc ä猫", min_size=1, max_size=200),
    longest=st.integers(16, 500),
    side=st.sampled_from([64, 512, 1000]),
)
def test_a_quote_is_what_a_run_then_reserves(
    album: Scene, model: str, detail: str, prompt: str, longest: int, side: int
) -> None:
    album.caption_spec = album.make_spec(
        provider__model=model,
        prompt__detail=detail,
        prompt__user=prompt,
        prompt__max_completion_tokens=longest,
        images__long_side=side,
    )
    found = quoted(album)
    (shard,) = album.write(album.task())
    assert (found.images, found.rejected, found.duplicates) == (7, 1, 1)
    assert found.requests == shard.requests == 5
    assert found.max_cost == shard.max_cost
    assert found.prompt_tokens == shard.prompt_tokens
    (estimated,) = album.ledger.database.one(
        "SELECT SUM(estimated) FROM items WHERE shard = ?", (shard.row,)
    ) or (None,)
    assert found.expected == estimated
    album.ledger.shards.dissolve(shard)


def test_columns_of_a_manifest_make_requests_of_their_own(scene: Scene) -> None:
    scene.add("a.png")
    shutil.copy(scene.data / "a.png", scene.data / "b.png")
    manifest = scene.data / "m.csv"
    with manifest.open("w", newline="") as handle:
        rows = [("path", "title"), *(("a.png", word) for word in ("one", "two")), ("b.png", "two")]
        csv.writer(handle).writerows(rows)
    crawled = crawl(scene.ledger, open_source(None, manifest, SourceOptions()), scene.clock.now())
    scene.caption_spec = scene.make_spec(prompt__user="This is {title}.")
    task = scene.task(crawled.sources)
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    found = quote(
        scene.ledger,
        task,
        templates.request_template(scene.caption_spec),
        scene.caption_spec.largest(),
    )
    assert (found.images, found.unique, found.duplicates, found.requests) == (3, 2, 1, 2)


def test_a_quote_of_linked_images_is_the_quote_of_all_of_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is new is asked for one by one: the sums are as if everything was."""
    scene.add("a.png", "b.png", "c.png")
    shutil.copy(scene.data / "a.png", scene.data / "copy.png")
    (scene.data / "broken.jpg").write_text("no image")
    (shard,) = scene.write(scene.task())
    scene.ledger.database.execute("UPDATE works SET state = 'done' WHERE id = 1")
    scene.ledger.database.execute("UPDATE works SET state = 'pending' WHERE id = 2")
    scene.ledger.database.execute("UPDATE items SET live = 0 WHERE shard = ?", (shard.row,))
    scene.add("new.png", first=9)
    shutil.copy(scene.data / "b.png", scene.data / "copy of pending.png")
    found = quoted(scene)
    assert (found.images, found.rejected, found.unread) == (7, 1, 0)
    assert (found.unique, found.duplicates, found.paid, found.requests) == (4, 2, 2, 2)
    monkeypatch.setattr(scene.ledger.images, "spec_of", lambda _source: None)
    assert quoted(scene) == found


@pytest.mark.parametrize("accepted", ["before the prompt changed", "after it was linked"])
def test_a_quote_spares_what_a_person_accepted_however_it_is_linked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, accepted: str
) -> None:
    scene.add("a.png", "b.png", "c.png")
    scene.write(scene.task())
    scene.ledger.database.execute("UPDATE works SET state = 'done'")
    (first, key), *_ = scene.ledger.database.execute(
        "SELECT o.source_id, w.work_key FROM images i JOIN originals o ON o.id = i.original "
        "JOIN works w ON w.id = i.work ORDER BY i.id"
    ).fetchall()
    scene.caption_spec = scene.make_spec(prompt__user="Another prompt.")
    reviewed = replace(
        scene.task(), kept_answer=lambda source_id, _columns: key if source_id == first else None
    )
    link_known(scene.ledger, reviewed if accepted.startswith("before") else scene.task())
    request_template = templates.request_template(scene.caption_spec)

    def price() -> Quote:
        return quote(scene.ledger, reviewed, request_template, scene.caption_spec.largest())

    found = price()
    assert (found.images, found.unique, found.paid) == (3, 3, 0)
    assert (found.requests, found.reviewed) == (2, 1)
    assert found.saved
    monkeypatch.setattr(scene.ledger.images, "spec_of", lambda _source: None)
    assert price() == found


def test_known_images_are_not_asked_for_one_by_one(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.write(scene.task())
    asked: list[str] = []
    scene.ledger.database._connection.set_trace_callback(asked.append)
    quoted(scene, identify=False)
    scene.ledger.database._connection.set_trace_callback(None)
    assert not [sql for sql in asked if "work_key =" in sql]
