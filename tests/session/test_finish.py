import shutil

import pytest
from msgspec.structs import replace

from pipeline.ledger.rows import Rows
from pipeline.session import finish as finish_module
from pipeline.session.finish import export_all, finish, make_room
from pipeline.session.report import Report
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from tests.killing import killed_at
from tests.rig import Rig


def test_a_run_without_news_counts_nothing_anew(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    written = rig.workspace.table.stat().st_mtime_ns

    def counted(*_: object) -> None:
        raise AssertionError("counting a million images takes longer than crawling them")

    monkeypatch.setattr(Rows, "outcomes", counted)
    report = rig.run()
    assert report.outcomes == {"captioned": 2}
    assert rig.workspace.table.stat().st_mtime_ns == written


def test_news_are_counted_for_every_source(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.add("b.png", first=5)
    assert rig.run().outcomes == {"captioned": 2}
    other = rig.data.with_name("other")
    other.mkdir()
    (rig.data / "b.png").rename(other / "b.png")
    assert rig.run().outcomes == {"captioned": 1}
    assert rig.run(data=other).outcomes == {"captioned": 1}


def test_a_kill_right_behind_the_table_leaves_no_old_counts_and_no_captions_unwritten(
    rig: Rig,
) -> None:
    rig.add("a.png")
    rig.run(output__sidecars="replace")
    rig.add("b.png", first=5)
    with killed_at("ledger.after_commit.exported"):
        rig.run(output__sidecars="replace")
    assert rig.run(output__sidecars="replace").outcomes == {"captioned": 2}
    assert (rig.data / "b.txt").read_text()


def test_the_end_of_a_run_fills_in_the_workspaces_books(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with open_session(RunSettings.of(rig.config()), "test", rig.said.append) as session:
        report = Report(table="")
        finish(session, report)
        assert report.settled == rig.server.bill.total_nano()
        assert (report.images, report.rows, report.reserved) == (1, None, 0)
        written = export_all(session, force=True)
    assert written is not None
    assert written.rows == 1


def test_rejects_are_listed_beside_the_table(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "broken.jpg").write_text("no image")
    rig.run()
    lines = rig.workspace.rejects.read_text().splitlines()
    assert lines[0] == "source,path,reason_code,detail"
    assert lines[1].startswith("imgs,broken.jpg,not_an_image,")


def test_update_rewrites_only_texts_that_are_still_ours_and_says_what_became_of_all(
    rig: Rig,
) -> None:
    rig.add("a.png", "b.png", "c.png", "d.png")
    (rig.data / "d.txt").write_text("mine\n")
    rig.run(output__sidecars="update")
    assert rig.said[-1] == "texts beside images: 3 written, 1 in conflict"
    first = (rig.data / "a.txt").read_text()
    assert first == rig.table()[0]["caption"] + "\n"
    (rig.data / "b.txt").write_text("a person's words\n")
    (rig.data / "c.txt").unlink()
    report = rig.run(output__sidecars="update", prompt__prefix="sks, ")
    assert rig.said[-1] == "texts beside images: 2 written, 2 in conflict"
    assert [(rig.data / f"{name}.txt").read_text() for name in "bd"] == [
        "a person's words\n",
        "mine\n",
    ]
    assert (rig.data / "a.txt").read_text() == rig.table()[0]["caption"] + "\n"
    assert (rig.data / "c.txt").read_text() == rig.table()[2]["caption"] + "\n"
    (problem,) = report.problems
    assert "as somebody else wrote them: 2 texts beside images" in problem
    assert f"({rig.data}/b.txt, {rig.data}/d.txt)" in problem
    assert "'captionmill review --import-sidecars' takes them over" in problem


def test_texts_that_another_policy_wrote_are_ours_too(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(output__sidecars="keep", prompt__prefix="ohwx, ")
    assert (rig.data / "a.txt").read_text().startswith("ohwx, ")
    rig.run(output__sidecars="update", prompt__prefix="sks, ")
    assert (rig.data / "a.txt").read_text().startswith("sks, ")


def test_images_that_share_a_text_are_named_and_texts_are_no_strays(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.bmp").write_bytes((rig.data / "b.png").read_bytes())
    (rig.data / "notes.txt").write_text("no image has this name")
    report = rig.run(output__sidecars="keep")
    assert rig.said[-1] == "texts beside images: 2 written"
    (problem,) = report.problems
    assert problem.startswith(f"without a text of their own: 1 image ({rig.data}/a.png)")
    rig.add("c.png", first=7)
    assert rig.run(output__sidecars="keep").skipped == {".txt": 1}


def test_a_list_of_rejects_stands_where_it_is_configured(rig: Rig) -> None:
    (rig.data / "broken.jpg").write_text("no image")
    place = rig.data.parent / "rejected.csv"
    rig.run(output__rejects=str(place))
    assert "broken.jpg" in place.read_text()
    assert not rig.workspace.rejects.exists()


def test_a_column_of_another_name_is_said_once(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data.parent / "m.csv"
    manifest.write_text(f"path,caption\n{rig.data}/a.png,mine\n")
    for times in (1, 1):
        rig.run(manifest=manifest)
        assert sum("its name is another column's" in text for text in rig.said) == times


def test_the_local_model_s_bills_and_captions_are_not_weighed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish_module, "deviations", lambda _ledger: ["bills are off"])
    with open_session(RunSettings.of(rig.config()), "test", rig.said.append) as session:
        for local in (False, True):
            provider = "local" if local else session.identity.provider
            identity = replace(session.identity, provider=provider)
            for settled in (0, 1):
                report = Report(table="", settled_batches=settled)
                finish(replace(session, identity=identity), report)
                said = "bills are off" in report.problems
                assert said == (settled == 1 and not local)


def test_downloaded_images_and_finished_batches_are_cleaned_up(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert len(rig.server.bill.requests("DELETE")) == 2  # the request file and its answers
    old = rig.workspace.urls / "ab" / "abcdef"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"an image")
    settings = RunSettings.of(rig.config(fetch__keep_bytes=0))
    with open_session(settings, "test", rig.said.append) as session:
        finish(session, Report(table=""))
        assert not old.exists()
        assert make_room(session) == 0
    shutil.rmtree(rig.workspace.urls)
    with open_session(settings, "test", rig.said.append, offline=True) as session:
        assert make_room(session) == 0
