// Decisions: shown at once, told to the server afterwards, and taken back when it refuses.

import { post, readOnly } from "./api.js";
import { h, many } from "./dom.js";
import { dialog, toast } from "./notes.js";

const DONE = { accept: "accepted", reject: "rejected", again: "to go again", clear: "undecided again", edit: "edited" };

// Listeners get the cards that changed, and an undone step's too.
export const changed = new EventTarget();
const tell = (cards, details = {}) => changed.dispatchEvent(new CustomEvent("cards", { detail: { cards, ...details } }));

function expected(card, action, values) {
  const next = { ...card, way: null };
  if (action === "accept") Object.assign(next, { review: card.review === "edited" ? "edited" : "accepted", again: false, caption: card.caption ?? card.model_caption });
  if (action === "edit") Object.assign(next, { review: "edited", caption: values.caption, again: false });
  if (action === "reject") Object.assign(next, { review: "rejected", caption: null });
  if (action === "again") Object.assign(next, { again: true, review: card.review === "accepted" ? null : card.review });
  if (action === "clear") Object.assign(next, { review: null, again: false, caption: card.model_caption });
  return next;
}

export async function judge(cards, action, values = {}) {
  if (readOnly) return toast("This page only shows: it was opened with --read-only.");
  if (!cards.length) return undefined;
  tell(cards.map((card) => expected(card, action, values)), { guess: true });
  try {
    const answer = await post("/api/judge", { ids: cards.map((card) => card.id), action, ...values });
    tell(answer.cards);
    const words = cards.length === 1 ? `Caption ${DONE[action]}.` : `${many(cards.length, "caption")} ${DONE[action]}.`;
    if (answer.step) toast(answer.cards.length ? words : answer.step.label, { words: "Undo", run: () => undo(answer.step.id, cards.map((card) => card.id)) });
    else toast("A person wrote this caption: it is in force already.");
    return answer;
  } catch (error) {
    tell(cards, { refused: true });
    toast(error.message);
    return undefined;
  }
}

export async function undo(step = null, ids = []) {
  if (readOnly) return;
  try {
    const answer = await post("/api/undo", { step, ids });
    tell(answer.cards, { undone: true });
    toast(`${answer.step.label.charAt(0).toUpperCase()}${answer.step.label.slice(1)}.`);
  } catch (error) {
    toast(error.message);
  }
}

// Asks for a reason, then sends again.
export function again(cards, then = () => {}) {
  if (readOnly) return toast("This page only shows: it was opened with --read-only.");
  const reason = h("input", { type: "text", id: "reason", maxLength: 2000, autocomplete: "off" });
  const form = h("form", { method: "dialog" },
    h("p", {}, cards.length === 1 ? "The next run quotes this image and sends it once more." : `The next run quotes these ${cards.length} images and sends them once more.`),
    h("div", { class: "field" }, h("label", { htmlFor: "reason" }, "Why (for your record; it is not sent)"), reason),
    h("div", { class: "row end" },
      h("button", { type: "button", onclick: () => box.close() }, "Cancel"),
      h("button", { type: "submit", class: "main" }, "Send again")));
  form.addEventListener("submit", () => judge(cards, "again", { note: reason.value }).then(then));
  const box = dialog("Another go", form);
  reason.focus();
  return box;
}
