// The filters beside the grid, and the tabs of the review above it.

import { h, number } from "./dom.js";
import { filters, go, query, withValues } from "./state.js";

const SHOWN = 8;
const opened = new Set();

export function drawStates(place, summary) {
  const states = [["undecided", "Undecided"], ["accepted", "Accepted"], ["edited", "Edited"], ["rejected", "Rejected"], [null, "All"]];
  const chosen = filters().getAll("review"), going = filters().has("again");
  const tab = (words, count, address, current) => h("li", {}, h("a", { href: `/?${address}`, "data-go": true, "aria-current": current ? "page" : null }, words, h("span", { class: "count" }, number(count))));
  const base = withValues({ view: null, card: null, at: null, again: null, left: null, right: null });
  const rows = states.map(([value, words]) => tab(words, value ? summary[value] : summary.images, withValues({ review: value }, base), !going && (value ? chosen.length === 1 && chosen[0] === value : !chosen.length)));
  if (summary.again || going) rows.splice(4, 0, tab("Going again", summary.again, withValues({ review: null, again: "1" }, base), going));
  const focused = [...place.querySelectorAll("a")].indexOf(document.activeElement);
  place.replaceChildren(...rows);
  if (focused >= 0) place.querySelectorAll("a")[focused]?.focus();
}

export function drawFilters(place, summary) {
  const focused = document.activeElement?.dataset?.choice;
  const specs = summary.specs.filter((spec) => spec.images).map((spec) => [String(spec.id), spec.images, spec.prompt || "no prompt"]);
  const { folder, outcome, reason_code: reason, model } = summary.facets;
  place.replaceChildren(...[
    group("Folder", "folder", folder.length > 1 ? folder.map(([value, count]) => [value, count, value || "(top)"]).filter(([value]) => value !== "") : []),
    group("Outcome", "outcome", outcome), group("Why not", "reason", reason.filter(([code]) => code)),
    group("Audit", "finding", summary.findings),
    group("Model", "model", model.length > 1 ? model : []), group("Prompt", "spec", specs.length > 1 ? specs : []), group("Flags", "flag", summary.flags),
    cost(), dates(), presence(), active(),
  ].flat().filter(Boolean));
  if (focused) place.querySelector(`[data-choice="${CSS.escape(focused)}"]`)?.focus();
}

function group(title, name, values) {
  if (!values.length) return [];
  const chosen = filters().getAll(name), all = opened.has(name);
  const shown = all ? values : values.filter(([value], index) => index < SHOWN || chosen.includes(value));
  const rows = shown.map(([value, count, words]) => h("label", { class: "choice" },
    h("input", { type: "checkbox", checked: chosen.includes(value), "data-choice": `${name}=${value}`, onchange: (event) => toggle(name, value, event.target.checked) }),
    h("span", { title: words ?? value }, words ?? value), h("span", { class: "count" }, number(count))));
  const more = values.length > SHOWN && !all ? h("button", { type: "button", class: "quiet more", onclick: (event) => { opened.add(name); event.target.dispatchEvent(new CustomEvent("filters", { bubbles: true })); } }, `${number(values.length - SHOWN)} more`) : null;
  return [h("h2", {}, title), h("div", { role: "group", "aria-label": title }, rows, more)];
}

function toggle(name, value, on) {
  const others = filters().getAll(name).filter((one) => one !== value);
  change({ [name]: on ? [...others, value] : others });
}

const change = (values) => go(withValues({ ...values, at: null, card: null, view: null }));

function pair(title, first, second, kind = "pair") {
  const input = ([name, words, type, extra]) => h("label", {}, words, h("input", { type, ...extra, value: query().get(name) ?? "", "data-choice": name, onchange: (event) => change({ [name]: event.target.value }) }));
  return [h("h2", {}, title), h("div", { class: kind }, input(first), input(second))];
}

const cost = () => pair("Cost in dollars", ["min_cost", "from", "text", { inputMode: "decimal" }], ["max_cost", "to", "text", { inputMode: "decimal" }]);
const dates = () => pair("Captioned", ["since", "from", "date", {}], ["until", "to", "date", {}], "pair days");

function presence() {
  const chosen = filters().get("present");
  const row = (value, words) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: chosen === value, "data-choice": `present=${value}`, onchange: (event) => change({ present: event.target.checked ? value : null }) }), h("span", {}, words));
  return [h("h2", {}, "Images that are gone"), h("div", { role: "group", "aria-label": "Images that are gone" }, row("all", "Show them too"), row("gone", "Only them"))];
}

function active() {
  const names = [...new Set(filters().keys())].filter((name) => !["review", "sort", "q"].includes(name));
  return names.length ? [h("h2", {}, ""), h("button", { type: "button", onclick: () => change(Object.fromEntries(names.map((name) => [name, null]))) }, "Clear all filters")] : [];
}
