// One change to all that is listed or selected: said with its number and three examples first.

import { post } from "./api.js";
import { difference, h, many } from "./dom.js";
import { changed, undo } from "./judge.js";
import { dialog, toast } from "./notes.js";
import { filters } from "./state.js";

const KINDS = [["accept", "Accept"], ["reject", "Reject"], ["replace", "Find and replace"], ["append", "Add at the end"], ["prepend", "Add at the beginning"], ["strip", "Remove from both ends"], ["again", "Send again"], ["clear", "Undecided again"]];

export function bulk(ids, total) {
  const search = ids.length ? ids.map((id) => ["id", String(id)]) : [...filters()];
  const kind = h("select", { id: "kind" }, KINDS.map(([value, words]) => h("option", { value }, words)));
  const find = h("input", { type: "text", id: "find", autocomplete: "off", spellcheck: false });
  const text = h("input", { type: "text", id: "text", autocomplete: "off" });
  const matchCase = h("input", { type: "checkbox" }), words = h("input", { type: "checkbox" });
  const findRow = field("Find", find), textRow = field("Replace with", text);
  const options = h("div", { class: "row" }, h("label", { class: "row" }, matchCase, "Capital letters count"), h("label", { class: "row" }, words, "Whole words only"));
  const outcome = h("p", { "aria-live": "polite" }), examples = h("div", { class: "examples", tabIndex: -1 });
  const apply = h("button", { type: "submit", class: "main", disabled: true }, "Change");
  const what = ids.length ? `the ${many(ids.length, "selected image")}` : `all ${many(total, "listed image")}`;
  const form = h("form", {}, h("p", { class: "hint" }, `This is done to ${what}, as one step that can be undone.`),
    field("What", kind), findRow, textRow, options, outcome, examples,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => box.close() }, "Cancel"), apply));
  let count = 0, asked = 0, timer = 0;

  const change = () => ({ kind: kind.value, find: find.value, text: text.value, case: matchCase.checked, words: words.checked });

  async function preview() {
    const own = ++asked, value = change();
    apply.disabled = true;
    findRow.hidden = !["replace", "strip"].includes(value.kind);
    textRow.hidden = !["replace", "append", "prepend"].includes(value.kind);
    textRow.querySelector("label").textContent = value.kind === "replace" ? "Replace with" : "Text, with its blanks";
    options.hidden = findRow.hidden;
    if ((!findRow.hidden && !value.find) || (findRow.hidden && !textRow.hidden && !value.text)) {
      outcome.textContent = "";
      examples.replaceChildren();
      apply.textContent = "Change";
      return;
    }
    try {
      const answer = await post("/api/preview", { search, change: value });
      if (own !== asked) return;
      count = answer.count;
      outcome.textContent = count ? `${many(count, "caption")} would change.` : "Nothing would change.";
      apply.textContent = count ? `Change ${many(count, "caption")}` : "Change";
      apply.disabled = !count;
      examples.replaceChildren(...answer.examples.map((one) => h("p", {}, answer.edits ? merged(one.before, one.after) : one.before ?? "No caption.")));
    } catch (error) {
      if (own === asked) outcome.textContent = error.message;
    }
  }

  for (const input of [kind, matchCase, words]) input.addEventListener("change", preview);
  for (const input of [find, text]) input.addEventListener("input", () => { apply.disabled = true; clearTimeout(timer); timer = setTimeout(preview, 200); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (apply.disabled) return;
    apply.disabled = true;
    try {
      const answer = await post("/api/change", { search, change: change(), expected: count });
      box.close();
      changed.dispatchEvent(new CustomEvent("cards", { detail: { cards: [], bulk: true } }));
      toast(`${answer.step.label.charAt(0).toUpperCase()}${answer.step.label.slice(1)}.`, { words: "Undo", run: () => undo(answer.step.id) });
    } catch (error) {
      outcome.textContent = error.message;
      apply.disabled = false;
    }
  });
  const box = dialog("Change all", form);
  kind.focus();
  preview();
}

const field = (words, input) => h("div", { class: "field" }, h("label", { htmlFor: input.id }, words), input);

// Before and after as one text: removed words struck, added ones marked.
function merged(before, after) {
  const [left, right] = difference(before, after);
  return [h("span", { class: "sr" }, "Before: "), ...left, h("br", {}), h("span", { class: "sr" }, "After: "), ...right];
}
