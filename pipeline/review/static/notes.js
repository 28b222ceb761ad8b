// Lines at the foot of the page, and dialogs.

import { h } from "./dom.js";

const place = document.getElementById("toasts");
let timer = 0;

export function toast(words, action) {
  clearTimeout(timer);
  const button = action && h("button", { type: "button", onclick: () => { place.replaceChildren(); action.run(); } }, action.words);
  place.replaceChildren(h("div", { class: action ? "toast" : "toast plain" }, h("span", {}, words), button));
  timer = setTimeout(() => place.replaceChildren(), action ? 9000 : 6000);
}

export function dialog(title, ...content) {
  const before = document.activeElement;
  const box = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), ...content);
  box.addEventListener("close", () => { box.remove(); before?.isConnected && before.focus(); });
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.getElementById("dialogs").append(box);
  box.showModal();
  return box;
}

const KEYS = [
  ["Arrows", "move; in the single view: next, previous"], ["Enter", "open the picture; there: edit"],
  ["P", "accept"], ["X", "reject"], ["R", "send again, with a reason"], ["U", "undecided again"],
  ["Z", "undo the last step"], ["E", "single view"], ["G", "grid"], ["I", "facts and history"],
  ["S", "select; Shift and arrows: several"], ["A", "select all on the screen"],
  ["B", "change all that is listed"], ["C", "compare two prompts"], ["1, 2", "comparing: keep left, right"],
  ["/", "search"], ["F", "filters"], ["+, -", "larger, smaller pictures"],
  ["Ctrl Enter", "save an edit and go on"], ["Esc", "back; leave an edit as it was"], ["?", "these keys"],
];

export function help() {
  const rows = KEYS.map(([keys, words]) => h("div", {}, h("dt", {}, keys.split(/, | (?=Enter)/).map((key) => h("kbd", {}, key))), h("dd", {}, words)));
  const box = dialog("Keys", h("dl", { class: "keys" }, rows), h("div", { class: "row end" }, h("button", { type: "button", onclick: () => box.close() }, "Close")));
}
