// Two prompts or models over the same images: differences marked, the better one kept per image.

import { get, readOnly } from "./api.js";
import { difference, h, many, number, picture } from "./dom.js";
import { judge } from "./judge.js";
import { go, query, withValues } from "./state.js";

const PER_PAGE = 30;

export class Compare {
  constructor(main, list, tools) {
    this.main = main;
    this.list = list; // which the other views go on with
    this.tools = tools;
    this.current = 0;
    this.open();
  }

  close() {}

  async open() {
    try {
      const { specs } = await this.tools.summary();
      if (this.gone) return undefined;
      if (specs.length < 2) return this.nothing();
      const choose = (name, other) => specs.find((spec) => String(spec.id) === query().get(name)) ?? specs.find((spec) => spec.id !== other) ?? specs[0];
      this.left = choose("left", null);
      this.right = choose("right", this.left.id);
      if (this.right.id === this.left.id) this.right = specs.find((spec) => spec.id !== this.left.id);
      this.at = Number(query().get("at") ?? 0);
      this.specs = specs;
      const page = await get("/api/compare", new URLSearchParams({ left: this.left.id, right: this.right.id, offset: this.at, limit: PER_PAGE }));
      if (this.gone) return undefined;
      this.page = page;
      this.draw();
    } catch (error) {
      this.tools.fail(error);
    }
    return undefined;
  }

  nothing() {
    this.main.replaceChildren(h("div", { class: "empty" }, h("h2", {}, "Nothing to compare yet"),
      h("p", {}, "Run the same images with another prompt or model, and both captions stand here side by side: ", h("code", {}, 'captionmill run DATA --prompt "..." --include-reviewed'))));
  }

  draw() {
    const picker = (name, chosen, words) => h("label", {}, words, h("select", { onchange: (event) => go(withValues({ [name]: event.target.value, at: null })) },
      this.specs.map((spec) => h("option", { value: spec.id, selected: spec.id === chosen.id }, nameOf(spec, this.specs)))));
    const { total, pairs } = this.page;
    const turn = (by, words) => h("button", { type: "button", disabled: this.at + by < 0 || this.at + by >= total, onclick: () => go(withValues({ at: this.at + by || null })) }, words);
    this.rows = pairs.map((pair, index) => this.row(pair, index));
    this.main.replaceChildren(
      h("div", { class: "bar" }, h("button", { type: "button", class: "quiet", onclick: () => this.back() }, "← Grid"), h("h2", {}, many(total, "image"), " captioned by both"),
        total > PER_PAGE ? [turn(-PER_PAGE, "← Earlier"), h("span", { class: "hint" }, `${number(this.at + 1)} to ${number(this.at + pairs.length)}`), turn(PER_PAGE, "Later →")] : null),
      h("div", { class: "pickers" }, picker("left", this.left, "Left"), picker("right", this.right, "Right")),
      total ? h("ul", { class: "pairs" }, this.rows) : h("div", { class: "empty" }, h("h2", {}, "No image has both"), h("p", {}, "Choose two that captioned the same images.")));
    this.mark();
  }

  row(pair, index) {
    const [left, right] = difference(pair.left ?? "", pair.right ?? "");
    const answer = (side, marked, work, text, key) => {
      const kept = pair.card.review === "accepted" && pair.card.caption === text && pair.left !== pair.right;
      return h("div", { class: kept ? "answer kept" : "answer" }, h("p", {}, marked), readOnly ? null : h("button", { type: "button", "aria-pressed": String(kept), onclick: () => { this.current = index; this.keep(pair, side); } }, kept ? "Kept" : `Keep ${side}`, h("kbd", { "aria-hidden": "true" }, key)));
    };
    return h("li", { class: "pair-row", tabIndex: -1, onfocusin: () => { this.current = index; this.mark(); } }, picture(pair.card, "small", pair.card.path),
      answer("left", left, pair.left_work, pair.left, "1"), answer("right", right, pair.right_work, pair.right, "2"));
  }

  mark() {
    this.rows?.forEach((row, index) => row.classList.toggle("current", index === this.current));
  }

  keep(pair, side) {
    const work = side === "left" ? pair.left_work : pair.right_work;
    judge([{ ...pair.card, caption: side === "left" ? pair.left : pair.right }], "accept", { work });
    this.move(1);
  }

  move(by) {
    if (!this.rows?.length) return;
    this.current = Math.min(this.rows.length - 1, Math.max(0, this.current + by));
    this.rows[this.current].focus();
    this.rows[this.current].scrollIntoView({ block: "nearest" });
    this.mark();
  }

  update(cards) {
    this.list.take(cards, 0);
    for (const card of cards)
      this.page?.pairs.forEach((pair, index) => {
        if (pair.card.id !== card.id) return;
        pair.card = card;
        const fresh = this.row(pair, index);
        const had = this.rows[index].contains(document.activeElement);
        this.rows[index].replaceWith(fresh);
        this.rows[index] = fresh;
        if (had) fresh.focus();
      });
    this.mark();
  }

  back() {
    go(withValues({ view: null, left: null, right: null, at: null }));
  }

  key(event) {
    const key = event.key;
    const pair = this.page?.pairs[this.current];
    if (key === "ArrowDown" || key === "j") this.move(1);
    else if (key === "ArrowUp" || key === "k") this.move(-1);
    else if (key === "1" && pair) this.keep(pair, "left");
    else if (key === "2" && pair) this.keep(pair, "right");
    else if (key === "Escape" || key === "g") this.back();
    else return false;
    return true;
  }
}

function nameOf(spec, specs) {
  const alike = specs.filter((other) => other.model === spec.model && other.prompt === spec.prompt).length > 1;
  const prompt = spec.prompt.length > 80 ? `${spec.prompt.slice(0, 79)}…` : spec.prompt;
  return `${spec.model}: ${prompt}${alike ? ` (no. ${spec.id})` : ""}`;
}
