// The page: one address, one view, the keys, and what is told to all of them.

import { get, post, readOnly } from "./api.js";
import { bulk } from "./bulk.js";
import { Compare } from "./compare.js";
import { h, many, number } from "./dom.js";
import { drawFilters, drawStates } from "./filters.js";
import { Grid } from "./grid.js";
import { changed, undo } from "./judge.js";
import { List } from "./list.js";
import { dialog, help, toast } from "./notes.js";
import { Single } from "./single.js";
import { filters, go, onChange, query, view, withValues } from "./state.js";

const VIEWS = { grid: Grid, single: Single, compare: Compare };
const EVERY = 4000; // milliseconds between two looks at what others did
const main = document.getElementById("main"), side = document.getElementById("filters"), search = document.getElementById("search");
const notice = document.getElementById("notice"), spoken = h("div", { class: "sr", role: "status", "aria-live": "polite" });
document.body.append(spoken);

let summary = null, shown = null, list = null, waiting = 0, refreshing = null, failed = false;

const tools = {
  bulk: (ids) => bulk(ids, list?.total ?? 0),
  fail: (error) => toast(error.message),
  announce: (words) => { spoken.textContent = words; },
  summary: async () => summary ?? refresh(),
  emptyWords,
};

function emptyWords() {
  const where = filters(), review = where.get("review");
  if (summary?.indexing) return [h("h2", {}, "Reading the workspace"), h("p", {}, "The captions come as soon as they are read.")];
  if (summary && !summary.images) return [h("h2", {}, "No images yet"), h("p", {}, "Caption a folder first: ", h("code", {}, "captionmill run DATA"))];
  const others = [...where.keys()].some((name) => !["review", "sort"].includes(name));
  if (review === "undecided" && !others && summary) {
    return [h("h2", {}, "Nothing is undecided"), h("p", {}, `You are done: ${number(summary.accepted)} accepted, ${number(summary.edited)} edited, ${number(summary.rejected)} rejected. `, summary.next_run),
      h("p", {}, "The table takes it in: ", h("code", {}, "captionmill export"))];
  }
  return [h("h2", {}, "Nothing here"), h("p", {}, "No image has all of that. "), h("p", {}, h("a", { href: "/", "data-go": true }, "Show all images"))];
}

function render() {
  const name = VIEWS[view()] ? view() : "grid";
  const query = filters().toString();
  if (!list || list.query !== query || list.stale) list = new List();
  shown?.close();
  if (shown) shown.gone = true;
  document.body.classList.toggle("wide", name !== "grid");
  if (name === "grid") document.title = `${document.querySelector(".brand-name").textContent}: captionmill review`;
  if (document.activeElement !== search) search.value = filters().get("q") ?? "";
  shown = new VIEWS[name](main, list, tools);
  if (summary) drawSummary();
  if (name !== "grid" && document.activeElement === document.body) main.focus({ preventScroll: true });
}

function drawSummary() {
  drawStates(document.getElementById("states"), summary);
  drawFilters(side, summary);
  const judged = summary.accepted + summary.edited + summary.rejected, all = judged + summary.undecided;
  document.getElementById("progress-bar").style.transform = `scaleX(${all ? judged / all : 0})`;
  document.getElementById("progress-text").textContent = `${number(judged)} of ${number(all)} reviewed · ${summary.cost}`;
  const lines = [];
  if (summary.indexing) lines.push(h("span", {}, `Reading the workspace: ${number(summary.indexed)} of ${many(summary.indexing, "image")}`));
  if (summary.next_run) lines.push(h("span", {}, summary.next_run));
  if (summary.unexported) lines.push(h("span", {}, `The table is older than ${many(summary.unexported, "step")} of the review.`), readOnly ? "" : h("button", { type: "button", onclick: exportTable }, "Write the table"));
  if (notice.textContent !== lines.map((line) => line.textContent ?? line).join("")) notice.replaceChildren(...lines);
  notice.hidden = !lines.length;
}

async function exportTable(event) {
  event.target.disabled = true;
  try {
    toast((await post("/api/export", {})).done);
  } catch (error) {
    toast(error.message);
  }
  event.target.disabled = false;
  refresh();
}

// Of several that overlap the last one counts, and is followed by the next.
async function refresh() {
  clearTimeout(waiting);
  const turn = refreshing = {};
  try {
    const before = summary, latest = await get("/api/summary");
    if (turn !== refreshing) return latest;
    summary = latest;
    failed = false;
    drawSummary();
    // what a run or another window did: a list that is on the screen is not moved under the hand
    if (before && before.version !== summary.version && list && (list.total === 0 || before.indexing)) reload();
  } catch (error) {
    if (turn !== refreshing) return summary;
    if (!failed) toast(error.message);
    failed = true;
  }
  waiting = setTimeout(refresh, document.hidden ? EVERY * 5 : summary?.indexing ? 700 : EVERY);
  return summary;
}

function reload() {
  if (list) list.stale = true;
  render();
}

let soon = 0;
changed.addEventListener("cards", ({ detail }) => {
  if (detail.bulk || (detail.undone && !detail.cards.length)) reload();
  else if (detail.undone && view() === "grid") reload();
  else shown?.update(detail.cards, detail);
  if (!detail.guess) { clearTimeout(soon); soon = setTimeout(refresh, 250); }
});

addEventListener("keydown", (event) => {
  if (event.altKey || document.querySelector("dialog[open]")) return;
  // a dialog that has just closed keeps the focus for a moment: what is typed then is for the page
  const typing = !event.target.closest?.("dialog") && event.target.matches?.("input:not([type=checkbox]), textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) { undo(); event.preventDefault(); return; }
  if ((event.ctrlKey || event.metaKey) && event.key !== "Enter") return;
  if (typing && event.target !== search && event.target.id !== "editor") return;
  if (event.target === search) {
    if (event.key === "Escape") { search.value = filters().get("q") ?? ""; main.focus(); }
    if (event.key === "ArrowDown" || event.key === "Enter") { applySearch(); shown?.focus?.(); event.preventDefault(); }
    return;
  }
  if (shown?.key?.(event)) { event.preventDefault(); return; }
  if (event.target.id === "editor") return;
  const key = event.key.toLowerCase();
  if (key === "/") { search.focus(); search.select(); }
  else if (key === "?") help();
  else if (key === "z") undo();
  else if (key === "c") go(withValues({ view: "compare", at: null, card: null }));
  else if (key === "g") go(withValues({ view: null, card: null }));
  else if (key === "f") { openFilters(true); side.querySelector("input, button")?.focus(); }
  else return;
  event.preventDefault();
});

let typed = 0;
search.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(applySearch, 180); });
function applySearch() {
  clearTimeout(typed);
  if ((filters().get("q") ?? "") === search.value.trim()) return;
  go(withValues({ q: search.value.trim(), at: null, card: null, view: null }), { replace: filters().has("q") });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-go]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(new URLSearchParams(new URL(link.href).search));
});
side.addEventListener("filters", () => drawFilters(side, summary));
document.getElementById("show-help").addEventListener("click", help);
document.getElementById("show-compare").addEventListener("click", () => go(withValues({ view: "compare", at: null, card: null })));
const button = document.getElementById("show-filters");
function openFilters(on) {
  side.classList.toggle("open", on);
  button.setAttribute("aria-expanded", String(on));
}
button.addEventListener("click", () => openFilters(!side.classList.contains("open")));
addEventListener("visibilitychange", () => !document.hidden && refresh());

onChange(render);
render();
refresh();
