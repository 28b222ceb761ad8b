"""The page in a real Chromium: every verb by keyboard and by mouse."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.commands.export import export_table
from pipeline.core.judgements import Judgement
from pipeline.review.edits import Edits
from pipeline.server.faults import LineFault
from tests.browser import barriers
from tests.review.conftest import PATIENCE, opened, serving
from tests.rig import Rig


def judged(rig: Rig) -> list[Judgement]:
    """What was recorded and holds, oldest first."""
    with Edits(rig.workspace.reviews) as edits:
        sources = {bytes.fromhex(row["source_id"]) for row in rig.table() if row["source_id"]}
        every = [one for judgements in edits.judgements_of(sources).values() for one in judgements]
    return sorted(every, key=lambda judgement: judgement.step)


def wait_for(page: Any, state: str, number: str) -> None:
    page.locator(".states a", has_text=state).locator(".count", has_text=number).wait_for()


SAVED = "import('/static/api.js').then((api) => api.settled())"  # every change so far
COUNTED = """window.taken = 0;  // answers about one image that the page has read
const json = Response.prototype.json;
Response.prototype.json = async function () {
    const value = await json.call(this);
    if (this.url.includes("/api/card/")) setTimeout(() => { window.taken += 1; });
    return value;
};"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
LOADED = """async (image) => {
    if (!image.complete) await new Promise((done) => image.addEventListener("load", done));
    return image.naturalWidth;
}"""


def toast(page: Any, words: str) -> None:
    page.locator(".toast", has_text=words).wait_for()


def test_the_grid_shows_every_image_and_why_one_has_no_caption(page: Any) -> None:
    page.locator("#heading", has_text="15 images").wait_for()
    wait_for(page, "Undecided", "13")
    page.locator(".grid", has_text="cannot be sent").wait_for()
    page.locator(".grid", has_text="1 alike").wait_for()
    page.locator(".card img").first.wait_for()
    assert page.locator(".card img").first.evaluate(LOADED) > 0


def test_judging_in_the_grid_by_keyboard_alone(page: Any, captioned: Rig) -> None:
    page.keyboard.press("p")
    toast(page, "Caption accepted.")
    page.keyboard.press("x")
    toast(page, "Caption rejected.")
    page.keyboard.press("r")
    page.keyboard.type("too short")
    page.keyboard.press("Enter")
    toast(page, "Caption to go again.")
    actions = [(one.action, one.note) for one in judged(captioned)]
    assert actions == [("accept", None), ("reject", None), ("again", "too short")]
    wait_for(page, "Accepted", "2")  # the first image has a duplicate
    page.keyboard.press("z")
    toast(page, "Undo: 1 caption to go again.")
    page.keyboard.press("z")
    toast(page, "Undo: 1 caption rejected.")
    assert [one.action for one in judged(captioned)] == ["accept"]


def test_judging_in_the_grid_by_mouse(page: Any, captioned: Rig) -> None:
    page.locator(".card").nth(1).get_by_role("button", name="Reject").click()
    toast(page, "Caption rejected.")
    page.locator(".toast button").click()
    toast(page, "Undo")
    assert judged(captioned) == []
    page.locator(".card").nth(2).get_by_role("button", name="Accept").click()
    toast(page, "Caption accepted.")
    assert [one.action for one in judged(captioned)] == ["accept"]


def test_an_edit_by_keyboard_stays_beside_what_the_model_said(page: Any, captioned: Rig) -> None:
    page.keyboard.press("e")
    page.locator(".words").wait_for()
    page.keyboard.press("Enter")
    page.locator("#editor").fill("A person's own words.")
    page.keyboard.press("Control+Enter")
    toast(page, "Caption edited.")
    page.locator(".bar h2", has_text="2 of 15").wait_for()
    page.keyboard.press("ArrowLeft")
    page.locator(".words", has_text="A person's own words.").wait_for()
    assert "What the model said" in page.locator(".also").inner_text()
    (edit,) = judged(captioned)
    assert (edit.action, edit.caption) == ("edit", "A person's own words.")
    assert edit.model_caption in page.locator(".also").inner_text()
    # Escape leaves an edit as it was
    page.keyboard.press("Enter")
    page.locator("#editor").fill("never mind")
    page.keyboard.press("Escape")
    page.locator(".words", has_text="A person's own words.").wait_for()
    page.keyboard.press("i")
    page.locator(".history li", has_text="edited").wait_for()
    assert len(judged(captioned)) == 1


def test_an_edit_by_mouse(page: Any, captioned: Rig) -> None:
    page.locator(".card-link").nth(3).click()
    page.get_by_role("button", name="Edit").click()
    page.locator("#editor").fill("By mouse.")
    page.get_by_role("button", name="Save").click()
    toast(page, "Caption edited.")
    page.get_by_role("button", name="Send again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    toast(page, "Caption to go again.")
    assert [one.action for one in judged(captioned)] == ["edit", "again"]
    page.get_by_role("button", name="← Grid").click()
    page.locator(".grid").wait_for()


def test_what_is_decided_leaves_the_undecided_until_none_is_left(page: Any) -> None:
    page.goto(f"{page.served.base}/?review=undecided&view=single")
    page.locator(".bar h2", has_text="1 of 13").wait_for()
    page.locator(".words:not(.none)").wait_for()
    page.keyboard.press("p")  # which takes the duplicate along
    toast(page, "Caption")
    for left in range(11, 0, -1):
        page.locator(".bar h2", has_text=f"1 of {left}").wait_for()
        page.keyboard.press("x" if left % 2 else "p")
    page.locator(".empty h2", has_text="Nothing is undecided").wait_for()


def test_leaving_before_a_change_is_saved_asks(page: Any, captioned: Rig) -> None:
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
    os.kill(page.served.process.pid, signal.SIGSTOP)
    try:
        page.keyboard.press("p")
        with page.expect_event("dialog"):
            page.close(run_before_unload=True)
    finally:
        os.kill(page.served.process.pid, signal.SIGCONT)
    toast(page, "Caption")
    assert dialogs == ["beforeunload"]
    assert [one.action for one in judged(captioned)] == ["accept"]


def held(page: Any, addresses: str) -> list[Any]:
    """Requests of the page that get their answers from now on by `continue_` alone."""
    requests: list[Any] = []
    page.route(addresses, lambda route: requests.append(route))
    return requests


def until(page: Any, condition: Callable[[], object]) -> None:
    """Let the page go on until something holds."""
    end = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < end
        page.wait_for_timeout(10)


def next_of(page: Any, requests: list[Any]) -> Any:
    """The first request that is held, once the page has made it."""
    until(page, lambda: requests)
    return requests.pop(0)


def answer(page: Any, request: Any) -> None:
    """Let a held request have its answer, and the page take it in (see `COUNTED`)."""
    before = page.evaluate("taken")
    request.continue_()
    until(page, lambda: page.evaluate("taken") > before)


def test_ten_decisions_in_a_row_are_about_ten_images(page: Any, captioned: Rig) -> None:
    page.goto(f"{page.served.base}/?review=undecided&view=single")
    page.locator(".words:not(.none)").wait_for()
    for _ in range(10):
        page.keyboard.press("p")
    page.locator(".bar h2", has_text="1 of 2").wait_for()
    toast(page, "Caption accepted.")
    page.evaluate(SAVED)
    assert len({one.source_id for one in judged(captioned)}) == 10


def test_a_late_answer_about_an_earlier_image_does_not_bring_it_back(
    page: Any, captioned: Rig
) -> None:
    page.add_init_script(COUNTED)
    details = held(page, "**/api/card/*")
    page.goto(f"{page.served.base}/?review=undecided&view=single")
    for left in (13, 11, 10):
        page.locator(".bar h2", has_text=f"1 of {left}").wait_for()
        page.locator(".words:not(.none)").wait_for()
        page.keyboard.press("p")
        answer(page, next_of(page, details))  # about the image that was just accepted
    page.locator(".bar h2", has_text="1 of 9").wait_for()
    page.evaluate(SAVED)
    assert len({one.source_id for one in judged(captioned)}) == 3
    page.unroute_all(behavior="ignoreErrors")


def test_a_list_from_before_a_decision_is_fetched_again(page: Any) -> None:
    page.goto(f"{page.served.base}/?review=undecided")
    page.evaluate(
        """async () => {
            const [{ List }, { changed }] = await Promise.all(
                ["list", "judge"].map((name) => import(`/static/${name}.js`)));
            window.list = new List();
            await list.load(0);
            changed.addEventListener("cards", ({ detail }) => list.take(detail.cards, 0));
        }"""
    )
    requests = held(page, "**/api/cards?*")
    page.evaluate("() => { window.again = list.block(0); }")
    early = next_of(page, requests)
    answer = early.fetch()
    page.keyboard.press("p")
    page.evaluate(SAVED)
    early.fulfill(response=answer)
    next_of(page, requests).continue_()
    assert page.evaluate("again.then(() => list.total)") == 11
    assert page.evaluate("list.cards.size") == 11


def test_a_refused_decision_comes_back_to_its_place(page: Any) -> None:
    page.goto(f"{page.served.base}/?review=undecided&view=single")
    page.locator(".bar h2", has_text="1 of 13").wait_for()
    page.locator("p.hint", has_text="day/00.png").wait_for()
    requests = held(page, "**/api/judge")
    page.keyboard.press("x")
    page.locator(".bar h2", has_text="1 of 12").wait_for()
    next_of(page, requests).fulfill(status=507, json={"error": "the disk is full"})
    toast(page, "The disk is full.")
    page.locator(".bar h2", has_text="2 of 13").wait_for()
    page.keyboard.press("ArrowLeft")
    page.locator(".bar h2", has_text="1 of 13").wait_for()
    page.locator("p.hint", has_text="day/00.png").wait_for()


def test_the_words_of_a_refused_edit_are_not_lost(page: Any) -> None:
    requests = held(page, "**/api/judge")
    page.keyboard.press("e")
    page.locator(".words").wait_for()
    page.keyboard.press("Enter")
    page.locator("#editor").fill("Words of an hour.")
    page.keyboard.press("Control+Enter")
    page.locator(".bar h2", has_text="2 of 15").wait_for()
    next_of(page, requests).fulfill(status=507, json={"error": "the disk is full"})
    toast(page, "The disk is full.")
    page.keyboard.press("ArrowLeft")
    page.locator(".bar h2", has_text="1 of 15").wait_for()
    page.keyboard.press("Enter")
    assert page.locator("#editor").input_value() == "Words of an hour."


def test_a_change_to_all_shows_what_it_will_do_and_is_one_step(page: Any, captioned: Rig) -> None:
    page.keyboard.press("b")
    page.locator("#kind").select_option("replace")
    page.locator("#find").fill("echo")
    page.locator("#text").fill("picture")
    page.get_by_role("button", name="Change 12 captions").wait_for()
    assert page.locator(".examples p").count() == 3
    page.get_by_role("button", name="Change 12 captions").click()
    toast(page, "12 captions edited.")
    assert len(judged(captioned)) == 12
    page.locator(".card .text", has_text="picture").first.wait_for()
    page.keyboard.press("z")
    toast(page, "Undo: 12 captions edited.")
    assert judged(captioned) == []


def test_a_selection_is_changed_alone(page: Any, captioned: Rig) -> None:
    page.keyboard.press("s")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.locator(".selection strong", has_text="2 selected").wait_for()
    page.locator(".selection").get_by_role("button", name="Accept").click()
    toast(page, "2 captions accepted.")
    assert len(judged(captioned)) == 2


def test_selected_images_count_when_the_list_has_forgotten_them(page: Any) -> None:
    source = page.locator("script[type=module]").first.get_attribute("src")
    acted = page.evaluate(
        """async (source) => {
            const { Grid } = await import(source.replace("main.js", "grid.js"));
            const far = { id: 1, caption: "far" }, old = { id: 2, caption: "old" };
            const list = { cards: new Map([[7, { id: 2, caption: "now" }]]) };
            const selected = new Map([[1, far], [2, old]]);
            return Grid.prototype.cards.call({ selected, list });
        }""",
        source,
    )
    assert [card["caption"] for card in acted] == ["far", "now"]


def test_find_and_filter_are_addresses(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("night")
    page.locator("#heading", has_text="4 images").wait_for()
    assert "q=night" in page.url
    page.reload()
    page.locator("#heading", has_text="4 images").wait_for()
    page.goto(page.served.base)
    page.locator("#heading", has_text="15 images").wait_for()
    page.locator(".choice", has_text="rejected").locator("input").check()
    page.locator("#heading", has_text="2 images").wait_for()
    assert "outcome=rejected" in page.url
    page.go_back()
    page.locator("#heading", has_text="15 images").wait_for()


def test_the_keys_are_listed(page: Any) -> None:
    page.keyboard.press("?")
    assert "accept" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def test_two_prompts_side_by_side_and_the_better_one_kept(browser: Any, captioned: Rig) -> None:
    captioned.server.faults.add(LineFault(outcome="text", text="Quite another caption.", times=3))
    captioned.run(prompt__user="Say it otherwise.")
    with serving(captioned.workspace.root) as served, opened(browser, served) as page:
        page.keyboard.press("c")
        page.locator(".pair-row").first.wait_for()
        assert page.locator(".pair-row").count() == 12
        page.locator("mark.added").first.wait_for()
        row = page.locator(".pair-row", has=page.locator("mark.added")).first
        row.get_by_role("button", name="Keep right").click()
        toast(page, "Caption accepted.")
    (kept,) = judged(captioned)
    assert kept.action == "accept"
    assert kept.caption in {kept.caption for kept in judged(captioned)}


def test_two_windows_and_a_run_beside_them(browser: Any, captioned: Rig) -> None:
    with serving(captioned.workspace.root) as served, opened(browser, served) as page:
        second = page.context.new_page()
        second.goto(served.base)
        second.locator("#heading", has_text="15 images").wait_for()
        page.keyboard.press("p")
        toast(page, "Caption accepted.")
        second.keyboard.press("ArrowRight")
        second.keyboard.press("x")
        second.locator(".toast", has_text="Caption rejected.").wait_for()
        captioned.add("day/new.png", first=77)
        captioned.run()
        page.locator(".states a", has_text="All").locator(".count", has_text="16").wait_for()
    assert [one.action for one in judged(captioned)] == ["accept", "reject"]


def test_a_kill_loses_nothing_that_the_page_called_saved(browser: Any, captioned: Rig) -> None:
    with serving(captioned.workspace.root) as served, opened(browser, served) as page:
        page.keyboard.press("p")
        toast(page, "Caption accepted.")
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
    assert [one.action for one in judged(captioned)] == ["accept"]
    with serving(captioned.workspace.root) as served, opened(browser, served) as page:
        wait_for(page, "Accepted", "2")
    export_table(captioned.config(), captioned.said.append)
    assert sum(row["review"] == "accepted" for row in captioned.table()) == 2


def test_a_refused_change_is_taken_back_on_the_page(page: Any, captioned: Rig) -> None:
    captioned.workspace.reviews.mkdir()  # nothing can be written there
    page.keyboard.press("p")
    page.locator(".toast", has_text="cannot use").wait_for()
    page.locator(".card", has_text="undecided").first.wait_for()


def test_hostile_captions_and_names_are_text(browser: Any, rig: Rig) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    rig.add(name, "b.png")
    text = "<script>document.title='owned'</script><b>bold</b> \u202egnp.exe"
    rig.server.faults.add(LineFault(outcome="text", text=text, times=2))
    rig.run()
    with serving(rig.workspace.root) as served, opened(browser, served) as page:
        assert page.locator(".card .text").first.inner_text().startswith("<script>")
        page.keyboard.press("e")
        page.locator(".words", has_text="<b>bold</b>").wait_for()
        page.keyboard.press("i")
        page.locator("dl.table", has_text="png").wait_for()
        assert page.locator("main script, main b, dl img").count() == 0
        assert "owned" not in page.title()


def test_findings_of_the_audit_are_a_filter_and_said_beside_the_caption(page: Any) -> None:
    page.keyboard.press("e")
    page.locator(".words").wait_for()
    page.keyboard.press("Enter")
    page.locator("#editor").fill("I'm sorry, but I can't help with that.")
    page.keyboard.press("Control+Enter")
    toast(page, "Caption edited.")
    page.goto(f"{page.served.base}/?finding=refusal")
    page.locator("#heading", has_text="2 images").wait_for()  # it has a duplicate
    assert "a refusal or an apology" in page.locator(".card .facts").first.inner_text()
    page.locator(".card-link").first.click()
    page.locator(".findings li", has_text="a refusal or an apology: “I'm sorry”").wait_for()
    page.locator(".findings a").click()
    page.locator(".choice input[data-choice='finding=refusal']:checked").wait_for()


def test_a_key_right_after_a_dialog_closed_is_for_the_page(page: Any) -> None:
    page.evaluate(
        "document.activeElement.blur()"
    )  # nothing for the dialog to give the focus back to
    page.keyboard.press("b")
    page.locator("dialog[open] #kind").wait_for()
    page.evaluate(
        "document.querySelector('dialog').close();"
        "document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'c', bubbles: true, cancelable: true }))"
    )
    page.locator(".empty h2", has_text="Nothing to compare yet").wait_for(timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Any, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for keys, sign in [
        ("p", ".toast"),
        ("e", ".verbs"),
        ("Enter", "#editor"),
        ("Escape i", "dl.table"),
        ("?", "dialog[open]"),
        ("Escape g b", "dialog[open] #kind"),
        ("Escape c", ".empty h2"),
    ]:
        for key in keys.split():
            page.keyboard.press(key)
        page.locator(sign).wait_for()
        for width in (320, 1280, 2500):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(PAINTED)
            assert barriers(page) == [], (keys, width)


def test_nothing_moves_while_pictures_come(page: Any) -> None:
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(entry) => { window.shift += entry.value; }))"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    page.reload()
    page.locator(".card img").nth(5).wait_for()
    for image in page.locator(".card img").all():
        assert image.evaluate(LOADED) > 0
    assert page.evaluate(f"({PAINTED})().then(() => window.shift)") < 0.02
