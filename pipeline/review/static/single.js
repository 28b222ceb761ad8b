// The single view: one picture as large as fits, its caption, and what can be decided about it.

import { get, readOnly } from "./api.js";
import { badge, difference, h, icon, many, moment, number, picture } from "./dom.js";
import { again, judge } from "./judge.js";
import { go, query, withValues } from "./state.js";

export class Single {
  constructor(main, list, tools) {
    this.main = main;
    this.list = list;
    this.tools = tools;
    this.at = Number(query().get("at") ?? 0);
    this.editing = false;
    this.drafts = new Map(); // id -> words
    this.facts = localStorage.getItem("captionmill-facts") === "yes";
    this.stage = h("div", {});
    this.side = h("div", { class: "side" });
    this.heading = h("h2", {});
    this.before = h("button", { type: "button", class: "quiet", "aria-label": "Previous image", onclick: () => this.step(-1) }, "←");
    this.after = h("button", { type: "button", class: "quiet", "aria-label": "Next image", onclick: () => this.step(1) }, "→");
    main.replaceChildren(
      h("div", { class: "bar" }, h("button", { type: "button", class: "quiet", onclick: () => this.back() }, "← Grid"), this.heading, this.before, this.after),
      h("div", { class: "single" }, this.stage, this.side));
    this.open(Number(query().get("card")));
  }

  close() {}

  // Shows a card at the present position, or the one of that number wherever it is listed. What
  // comes for a card that is no longer on the screen is dropped: a key would decide about it again.
  async open(id = 0) {
    const turn = this.turn = {};
    try {
      const listed = this.list.at(this.at) ?? await this.list.load(this.at);
      if (this.gone || this.turn !== turn) return undefined;
      const wanted = id || listed?.id;
      if (!wanted) return this.nothing();
      this.card = [listed, this.card].find((card) => card?.id === wanted);
      if (this.card) this.draw();
      const detail = await get(`/api/card/${wanted}`);
      if (this.gone || this.turn !== turn) return undefined;
      this.card = this.detail = detail;
      if (!this.editing) this.draw();
      for (const ahead of [1, 2, 3]) this.fetchAhead(this.at + ahead);
    } catch (error) {
      if (this.turn === turn) this.tools.fail(error);
    }
    return undefined;
  }

  async fetchAhead(position) {
    const card = await this.list.load(position).catch(() => undefined);
    if (card && !card.picture) new Image().src = `/picture/${card.id}/large?v=${card.version}`;
  }

  nothing() {
    this.card = this.detail = undefined;
    this.heading.textContent = "";
    this.stage.replaceChildren();
    this.side.replaceChildren();
    this.main.querySelector(".single").replaceChildren(h("div", { class: "empty" }, ...this.tools.emptyWords()));
  }

  draw() {
    const card = this.card, detail = this.detail?.id === card?.id ? this.detail : undefined;
    if (!card) return;
    this.drawPlace();
    if (this.shown !== card.id) {
      this.stage.replaceChildren(picture(card, "large", `Picture of ${card.path}`));
      this.shown = card.id;
    }
    const had = this.side.contains(document.activeElement) ? document.activeElement.dataset.verb : null;
    this.side.replaceChildren(...[
      h("div", { class: "row" }, badge(card), card.note ? h("span", { class: "hint" }, `“${card.note}”`) : null),
      this.words(card), this.beside(card), detail ? this.findings(detail) : null, this.verbs(card),
      detail && Object.keys(detail.schema).length ? this.fields(detail, card) : null,
      h("p", { class: "hint" }, card.path, card.duplicates ? ` · shares its caption with ${many(card.duplicates, "duplicate")}` : "", detail?.reach > 1 ? ` · a decision here holds for ${number(detail.reach)} rows` : ""),
      h("button", { type: "button", class: "quiet", "aria-expanded": String(this.facts), onclick: () => this.toggleFacts() }, this.facts ? "Hide facts and history" : "Facts and history", h("kbd", { "aria-hidden": "true" }, "I")),
      this.facts && detail ? this.factsOf(detail) : null,
    ].filter(Boolean));
    if (had) this.side.querySelector(`[data-verb=${had}]`)?.focus();
    document.title = `${card.path}: captionmill review`;
    this.announce(card);
  }

  drawPlace() {
    const total = this.list.total ?? 1;
    this.heading.textContent = `${number(Math.min(this.at + 1, total))} of ${number(total)}`;
    this.before.disabled = this.at <= 0;
    this.after.disabled = this.list.total !== null && this.at >= total - 1;
  }

  announce(card) {
    if (this.announced === card.id) return;
    this.announced = card.id;
    this.tools.announce(`${this.heading.textContent}. ${card.caption ?? card.reason ?? "No caption."} ${card.path}`);
  }

  words(card) {
    if (this.editing) return this.editor(card);
    if (card.caption !== null) return h("p", { class: "words", id: "caption", ondblclick: () => this.edit() }, card.caption);
    const words = card.review === "rejected" ? "Rejected. Nothing is used for this image until it is captioned again or you write a caption." : card.reason ?? "No caption.";
    return h("p", { class: "words none" }, words);
  }

  // What the service said, where something else is in force.
  beside(card) {
    if (card.model_caption === null || card.model_caption === card.caption) return null;
    const marked = card.caption === null ? [card.model_caption] : difference(card.model_caption, card.caption)[0];
    return h("div", { class: "also" }, h("h3", {}, `What the model said${card.model ? ` (${card.model})` : ""}`), h("p", {}, marked));
  }

  findings(detail) {
    if (!detail.findings.length) return null;
    return h("ul", { class: "findings", "aria-label": "Audit" }, detail.findings.map((one) => h("li", {}, h("a", { href: `/?finding=${one.kind}`, "data-go": true }, one.title), one.detail ? `: “${one.detail}”` : "")));
  }

  verbs(card) {
    if (readOnly || this.editing) return null;
    const verb = (name, words, sign, key, pressed) => h("button", { type: "button", class: `with-icon${pressed ? " pressed" : name === "accept" ? " main" : ""}`, "aria-pressed": String(Boolean(pressed)), "data-verb": name, onclick: () => this.act(name) }, icon(sign), words, h("kbd", { "aria-hidden": "true" }, key));
    return h("div", { class: "verbs" },
      card.can.includes("accept") ? verb("accept", "Accept", "accepted", "P", card.review === "accepted") : null, card.can.includes("reject") ? verb("reject", "Reject", "rejected", "X", card.review === "rejected") : null,
      verb("edit", card.caption === null ? "Write" : "Edit", "edited", "Enter", card.review === "edited"), card.can.includes("again") ? verb("again", "Send again", "again", "R", card.again) : null,
      card.review || card.again ? verb("clear", "Undecided again", "undecided", "U", false) : null);
  }

  editor(card) {
    const area = h("textarea", { "aria-label": "Caption", id: "editor", spellcheck: true, value: this.draft ?? card.caption ?? card.model_caption ?? "" });
    area.addEventListener("input", () => { this.draft = area.value; });
    queueMicrotask(() => { area.focus(); if (this.draft === undefined) area.setSelectionRange(area.value.length, area.value.length); });
    return h("div", { class: "field" }, area,
      h("div", { class: "row" },
        h("button", { type: "button", class: "main", onclick: () => this.save(false) }, "Save"),
        h("button", { type: "button", onclick: () => this.leave() }, "Leave as it was"),
        h("span", { class: "hint" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " saves and goes on")));
  }

  fields(detail, card) {
    const inputs = {};
    const rows = Object.entries(detail.schema).map(([name, node]) => {
      const value = detail.fields[name];
      inputs[name] = fieldInput(name, node, value);
      return h("div", { class: "field" }, h("label", { htmlFor: `field-${name}` }, name), inputs[name].element);
    });
    const problem = h("p", { class: "error", role: "alert" });
    const save = h("button", { type: "submit" }, "Save fields");
    const form = h("form", { class: "part side" }, h("h3", {}, "Fields"), rows, problem, readOnly ? null : save);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      try {
        const fields = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.read()]));
        const caption = card.caption ?? card.model_caption ?? "";
        await judge([card], "edit", { caption, fields });
        if (this.card?.id === card.id) this.open(card.id);
      } catch (error) {
        problem.textContent = error.message;
      }
    });
    return form;
  }

  factsOf(detail) {
    const facts = [
      ["Source", detail.source], ["Path", detail.path], ["Size", detail.width ? `${number(detail.width)} × ${number(detail.height)}, ${detail.format}` : null],
      ["Outcome", detail.outcome], ["Model", detail.model], ["Prompt", detail.prompt], ["Instructions", detail.system], ["Tokens", detail.tokens === null ? null : number(detail.tokens)],
      ["Cost", detail.cost], ["Attempts", detail.attempts || null], ["Captioned", detail.captioned_at ? moment(detail.captioned_at) : null], ["Flags", detail.flags.join(", ")],
      ...Object.entries(detail.columns),
    ].filter(([, value]) => value !== null && value !== "" && value !== undefined);
    const past = detail.history.map((one) => h("li", { class: one.holds ? "" : "undone" },
      `${moment(one.at)}${one.reviewer ? `, ${one.reviewer}` : ""}: ${PAST[one.action]}`, one.note ? ` (${one.note})` : "", one.action === "edit" ? h("div", {}, one.after) : null));
    return h("div", { class: "part side" }, h("dl", { class: "table" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
      h("h3", {}, "History"), past.length ? h("ul", { class: "history" }, past.reverse()) : h("p", { class: "hint" }, "Nobody has decided anything yet."));
  }

  toggleFacts() {
    this.facts = !this.facts;
    localStorage.setItem("captionmill-facts", this.facts ? "yes" : "no");
    this.draw();
    this.side.querySelector("[aria-expanded]")?.focus();
  }

  edit() {
    if (readOnly || !this.card || this.card.version === "") return;
    this.editing = true;
    this.draft = this.drafts.get(this.card.id);
    this.drafts.delete(this.card.id);
    this.draw();
  }

  leave() {
    this.editing = false;
    this.draft = undefined;
    this.draw();
    this.focus();
  }

  async save(onward) {
    const text = (this.draft ?? this.side.querySelector("textarea").value).trim(), card = this.card;
    if (!text) return this.tools.fail(new Error("A caption without a text is none: reject it instead."));
    this.editing = false;
    this.draft = undefined;
    const same = text === card.caption;
    if (!same) judge([card], "edit", { caption: text }).then((answer) => answer || this.refused(card, text));
    if (onward) this.onward(card);
    else { if (same) this.draw(); this.focus(); }
    return undefined;
  }

  // The words of an edit that was refused are there when the card is edited the next time.
  refused(card, text) {
    this.drafts.set(card.id, text);
    if (this.card?.id === card.id && !this.editing) this.edit();
  }

  act(name) {
    const card = this.card;
    if (!card) return undefined;
    if (name === "edit") return this.edit();
    if (name === "again") return again([card], (answer) => answer && this.onward(card));
    judge([card], name);
    if (name === "accept" || name === "reject") this.onward(card);
    return undefined;
  }

  // On to the next one; where the decided card has left the list, the next one stands in its place.
  onward(card) {
    if (this.card?.id !== card.id) return;
    if (this.list.at(this.at)?.id === card.id) this.step(1);
    else this.show(Math.min(this.at, (this.list.total ?? 1) - 1));
  }

  step(by) {
    const next = this.at + by;
    if (next < 0 || (this.list.total !== null && next >= this.list.total)) return this.focus();
    return this.show(next);
  }

  // Until the next card is on the screen there is none that a key could decide about.
  async show(position) {
    const turn = this.turn = {};
    this.editing = false;
    this.at = Math.max(0, position);
    this.card = undefined;
    const card = this.list.at(this.at) ?? await this.list.load(this.at).catch((error) => this.tools.fail(error));
    if (this.gone || this.turn !== turn) return undefined;
    if (!card) return this.nothing();
    go(withValues({ view: "single", at: this.at || null, card: card.id }), { replace: true, quiet: true });
    await this.open(card.id);
    this.focus();
    return undefined;
  }

  focus() {
    if (!this.side.contains(document.activeElement) && !this.editing) this.main.focus({ preventScroll: true });
  }

  update(cards, details) {
    this.at -= this.list.take(cards, this.at);
    if (this.card) this.drawPlace();
    const mine = cards.find((card) => card.id === this.card?.id);
    if (mine && details.undone) { this.detail = undefined; this.open(mine.id); }
    else if (mine) {
      this.card = mine;
      if (this.detail?.id === mine.id) this.detail = { ...this.detail, ...mine };
      if (!this.editing) this.draw();
      if (!details.guess) this.open(mine.id);
    }
    if (details.undone && !mine && cards.length === 1) {
      const position = this.list.positionOf(cards[0].id);
      go(withValues({ view: "single", card: cards[0].id, at: (position < 0 ? this.at : position) || null }));
    }
  }

  back() {
    go(withValues({ view: null, card: null, at: this.at || null }));
  }

  key(event) {
    if (event.key === "Escape") { this.editing ? this.leave() : this.back(); return true; }
    if (this.editing) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { this.save(true); return true; }
      return false;
    }
    const onButton = event.target.closest?.("button, a, input, select, textarea");
    const key = event.key.toLowerCase();
    if (key === "arrowright" || key === "arrowdown" || key === "j") this.step(1);
    else if (key === "arrowleft" || key === "arrowup" || key === "k") this.step(-1);
    else if (key === "p") this.act("accept");
    else if (key === "x") this.act("reject");
    else if (key === "u") this.act("clear");
    else if (key === "r") this.act("again");
    else if (key === "enter" && !onButton) this.edit();
    else if (key === "g") this.back();
    else if (key === "i") this.toggleFacts();
    else return false;
    return true;
  }
}

const PAST = { accept: "accepted", edit: "edited", reject: "rejected", again: "to go again", clear: "undecided again" };

// An input for a field of the answer, by its schema.
function fieldInput(name, node, value) {
  const id = `field-${name}`;
  const kinds = [node.type].flat(), optional = kinds.includes("null");
  if (node.enum) {
    const element = h("select", { id, disabled: readOnly }, node.enum.map((one) => h("option", { value: JSON.stringify(one), selected: one === value }, String(one))));
    return { element, read: () => JSON.parse(element.value) };
  }
  if (kinds.includes("boolean")) {
    const element = h("select", { id, disabled: readOnly }, [["true", "yes"], ["false", "no"], ...(optional ? [["null", "unknown"]] : [])].map(([text, words]) => h("option", { value: text, selected: String(value) === text }, words)));
    return { element, read: () => JSON.parse(element.value) };
  }
  if (kinds.includes("integer") || kinds.includes("number")) {
    const element = h("input", { id, type: "number", step: kinds.includes("number") ? "any" : "1", value: value ?? "", disabled: readOnly });
    return { element, read: () => (element.value === "" && optional ? null : Number(element.value)) };
  }
  if (kinds.includes("string")) {
    const element = h("input", { id, type: "text", value: value ?? "", disabled: readOnly });
    return { element, read: () => (element.value === "" && optional ? null : element.value) };
  }
  const strings = kinds.includes("array") && node.items?.type === "string";
  const element = h("textarea", { id, disabled: readOnly, value: strings ? (value ?? []).join("\n") : JSON.stringify(value ?? null, null, 2) });
  return {
    element,
    read: () => {
      if (strings) return element.value.split("\n").map((line) => line.trim()).filter(Boolean);
      try { return JSON.parse(element.value); } catch { throw new Error(`${name} is no JSON.`); }
    },
  };
}
