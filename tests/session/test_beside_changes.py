"""Texts beside images of which only changed folders are looked at are those that the whole way
gives."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.core.judgements import Judgement
from pipeline.core.retry import DEFAULT_RULES
from pipeline.core.table_form import Affixes, TableForm
from pipeline.ledger import Ledger
from pipeline.ledger.captions import Captions
from pipeline.ledger.table_stretch import Part
from pipeline.review.edits import Edits
from pipeline.review.in_force import EditedRows
from pipeline.session import beside
from pipeline.session.beside import write_beside
from pipeline.session.session import Session
from pipeline.sinks.parquet import ParquetSink
from pipeline.sinks.sidecars import SidecarForm, SidecarPolicy
from pipeline.stages.export import BESIDE, write_table
from pipeline.stages.table_facts import STALE
from tests.ledger.conftest import world as world_of_ledger
from tests.ledger.test_usual_rows import _ODDITIES
from tests.ledger.world import NOW, World, answered

FOLDERS, IMAGES = 6, 4  # in each
ALL = FOLDERS * IMAGES


class Texts:
    """Images in folders of the disk, their ledger, and the texts beside them."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.ledger, self.folder = world, world.ledger, folder
        self.root = folder / "imgs"
        self.edits = Edits(folder / "reviews.db")
        self.form = SidecarForm("update")
        self.affixes = Affixes("", "")

    def session(self) -> Session:
        """What a session holds of this."""
        output = SimpleNamespace(sidecars=self.form, form=TableForm(self.affixes))
        settings = SimpleNamespace(output=output, source=SimpleNamespace(encoding=None))
        session = SimpleNamespace(
            ledger=self.ledger,
            edits=self.edits,
            settings=settings,
            workspace=SimpleNamespace(urls=self.folder / "urls"),
            context=SimpleNamespace(say=lambda _text: None),
        )
        return cast(Session, session)

    def add(self, folder: int, name: str, number: int) -> None:
        """Add an image, which its folder has from then on."""
        path = self.root / f"{folder}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.world.folder, _ = self.ledger.images.folder(self.world.source, f"{folder}")
        self.world.image(name, number)

    def read(self) -> int:
        """Write the table and the texts; gives how many captions were read for them."""
        read = list[str]()
        captions = Captions.file_captions
        with pytest.MonkeyPatch.context() as patch:

            def counted(files: Captions, part: Part) -> Iterator[Any]:
                for file in captions(files, part):
                    read.append(file[0])
                    yield file

            patch.setattr(Captions, "file_captions", counted)
            table = self.folder / "captions.parquet"
            self.ledger.put(STALE, "1")
            write_table(self.ledger, ParquetSink(table), table, form=TableForm(self.affixes),
                        review=EditedRows(self.edits))  # fmt: skip
            write_beside(self.session())
        return len(read)

    def texts(self) -> dict[Path, tuple[int, bytes]]:
        """Each text: which file it is, and its bytes."""
        return {
            path: (path.stat().st_ino, path.read_bytes())
            for path in sorted(self.root.rglob("*.txt"))
        }

    def check(self) -> None:
        """Compare the texts with those that the whole way leaves."""
        before = self.texts()
        self.ledger.text_folders.forget()
        self.ledger.put(BESIDE, None)
        write_beside(self.session())
        assert self.texts() == before


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[Texts]:
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.begin_run("test", NOW)
        world = world_of_ledger.__wrapped__(ledger)  # type: ignore[attr-defined]
        made = Texts(world, tmp_path)
        world.source = ledger.images.source("folder", str(made.root), "pictures")
        ledger.images.use_spec(world.source, world.spec, b"a" * 32)
        for number in range(ALL):
            made.add(number // IMAGES, f"{number:02}.jpg", number + 1)
        shard, batch = world.submitted()
        answers = [answered(key, 300, caption=f"picture {work}") for work, key in world.works]
        ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
        assert made.read() == ALL
        assert len(made.texts()) == ALL
        yield made
        made.edits.close()


def _edit(texts: Texts, chance: random.Random) -> None:
    judgement = Judgement(
        bytes([chance.randint(1, ALL)]) * 32, {}, "edit", caption=f"mine {chance.random()}"
    )
    texts.edits.append([judgement], at=1, label="edit")


def _undo(texts: Texts, _chance: random.Random) -> None:
    if step := texts.edits.last_undoable():
        texts.edits.undo(step.id, at=2)


def _add(texts: Texts, chance: random.Random) -> None:
    # of a picture that is known: it has a caption at once
    texts.add(chance.randrange(FOLDERS + 1), f"new{chance.random()}.jpg", chance.randint(1, ALL))


def _share(texts: Texts, chance: random.Random) -> None:
    image = chance.choice(sorted(texts.root.rglob("*.jpg")))
    texts.add(int(image.parent.name), f"{image.stem}.bmp", chance.randint(1, ALL))


def _sql(texts: Texts, chance: random.Random) -> None:
    odd = [sql for sql in _ODDITIES if "UPDATE sources" not in sql]
    with suppress(sqlite3.IntegrityError):
        texts.ledger.database.execute(
            chance.choice(odd).replace("id = 1", f"id = {chance.randint(1, ALL)}")
        )


def _captioned_again(texts: Texts, chance: random.Random) -> None:
    texts.ledger.database.execute(
        "UPDATE answers SET caption = ? WHERE id = ?",
        (f"again {chance.random()}", chance.randint(1, ALL)),
    )


def _text(texts: Texts, chance: random.Random) -> Path:
    return chance.choice([*texts.texts()] or [texts.root / "0" / "00.txt"])


def _delete_text(texts: Texts, chance: random.Random) -> None:
    _text(texts, chance).unlink(missing_ok=True)


def _change_text(texts: Texts, chance: random.Random) -> None:
    _text(texts, chance).write_text("somebody's words\n")


def _delete_image(texts: Texts, chance: random.Random) -> None:
    image = chance.choice(sorted(texts.root.rglob("*.jpg")))
    image.unlink()
    image.with_suffix(".txt").unlink(missing_ok=True)


def _bring_images_back(texts: Texts, _chance: random.Random) -> None:
    for folder, name in texts.ledger.database.execute(
        "SELECT f.path, i.name FROM images i JOIN folders f ON f.id = i.folder WHERE f.path <> ''"
    ):
        (texts.root / folder / name).touch()


def _another_form(texts: Texts, chance: random.Random) -> None:
    policies: list[SidecarPolicy] = ["keep", "replace", "append", "update"]
    template = chance.choice(["{caption}", "{caption} [{path}, {flags}]"])
    texts.form = SidecarForm(chance.choice(policies), template=template)


def _another_prefix(texts: Texts, chance: random.Random) -> None:
    texts.affixes = Affixes(chance.choice(["", "ohwx, "]), "")


def _killed(texts: Texts, _chance: random.Random) -> None:
    """The table was written, the texts were not."""
    table = texts.folder / "captions.parquet"
    texts.ledger.put(STALE, "1")
    write_table(texts.ledger, ParquetSink(table), table, form=TableForm(texts.affixes),
                review=EditedRows(texts.edits))  # fmt: skip


Change = Callable[[Texts, random.Random], None]
USUAL: list[Change] = [
    _edit, _undo, _add, _share, _captioned_again, _delete_text, _change_text, _delete_image,
    _bring_images_back, _killed,
]  # fmt: skip
RARE: list[Change] = [_sql, _another_form, _another_prefix]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_texts_are_the_same(
    texts: Texts, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_PAGE", 5)
    chance = random.Random(seed)
    for _ in range(12):
        for change in chance.choices(USUAL, k=chance.randint(1, 3)):
            change(texts, chance)
        if chance.random() < 0.2:
            chance.choice(RARE)(texts, chance)
        texts.read()
        if chance.random() < 0.6:
            texts.check()


def test_only_folders_with_a_change_are_read(texts: Texts) -> None:
    assert texts.read() == 0
    texts.add(2, "new.jpg", 1)
    assert texts.read() == IMAGES + 1
    assert (texts.root / "2" / "new.txt").read_text() == (texts.root / "0" / "00.txt").read_text()
    _edit(texts, random.Random(1))
    assert texts.read() in (IMAGES, 2 * IMAGES + 1)  # with the copy above, of another folder
    assert texts.read() == 0


@pytest.mark.parametrize("happens", [_delete_text, _change_text])
def test_a_text_that_somebody_else_changed_is_noticed(texts: Texts, happens: Change) -> None:
    before = {path: data for path, (_, data) in texts.texts().items()}
    texts.form = SidecarForm("replace")
    assert texts.read() == ALL  # by another policy
    happens(texts, random.Random(1))
    assert texts.read() == IMAGES
    assert {path: data for path, (_, data) in texts.texts().items()} == before


def test_a_text_that_is_left_alone_is_looked_at_again(texts: Texts) -> None:
    text = texts.root / "3" / "12.txt"
    text.write_text("mine\n")
    assert [texts.read(), texts.read()] == [IMAGES, IMAGES]
    assert text.read_text() == "mine\n"
    text.unlink()
    assert [texts.read(), texts.read()] == [IMAGES, 0]
    assert text.read_text() == "picture 13\n"


def test_folders_of_two_sources_are_looked_at_until_they_agree(texts: Texts) -> None:
    """One of them may write what the other one has to write again: the last one has the text."""
    texts.form = SidecarForm("replace")
    texts.read()
    world = texts.world
    world.source = texts.ledger.images.source("folder", str(texts.root / "4"), "within")
    world.folder, _ = texts.ledger.images.folder(world.source, "")
    texts.ledger.images.use_spec(world.source, world.spec, b"a" * 32)
    world.image("16.jpg", 1)
    assert texts.read() == 1
    for _ in range(2):
        assert texts.read() == IMAGES + 1
        assert (texts.root / "4" / "16.txt").read_text() == "picture 1\n"
