from __future__ import annotations

from pipeline.review.library import Library
from pipeline.review.seen_things import next_unseen, record_things, unseen_pictures
from tests.review.test_audited import opened, paths, write
from tests.rig import Rig


def test_what_was_seen_and_is_not_named_is_a_finding(captioned: Rig) -> None:
    with opened(captioned) as index:
        assert unseen_pictures(index) == 12  # one of the thirteen is a duplicate
        pictures = dict(next_unseen(index, 50))
        assert len(pictures) == 12
        source_of = {file: source_id for source_id, file in pictures.items()}
        source_id = next(source_of[file] for file in source_of if file.endswith("day/03.png"))
        record_things(index, {source_id: ["dog", "person"]})
        assert unseen_pictures(index) == 11
        assert paths(index, "unnamed") == ["day/03.png"]
        write(index, "day/03.png", "A man stands in the rain.")
        (card,) = Library(index, index.edits).cards_of_file(source_id)
        assert Library(index, index.edits).details(card) == {"unnamed": "dog"}
        write(index, "day/03.png", "Ein Mann steht im Regen und wartet auf den Bus.")
        assert paths(index, "unnamed") == []  # the words are English ones
        write(index, "day/03.png", "A man stands in the rain with his dog.")
        assert paths(index, "unnamed") == []
