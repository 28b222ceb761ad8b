// The grid: only the cards near the window exist, each at its place by its position.

import { badge, h, icon, many, number, picture, stateOf } from "./dom.js";
import { again, judge } from "./judge.js";
import { readOnly } from "./api.js";
import { filters, go, query, view, withValues } from "./state.js";

const GAP = 16;
const TALLEST = 8_000_000; // pixels of one element that every browser can show
const SORTS = [["path", "by path"], ["newest", "newest first"], ["oldest", "oldest first"], ["cost", "dearest first"], ["cheap", "cheapest first"], ["long", "longest first"], ["short", "shortest first"], ["decided", "decided last"]];
const WIDTHS = [160, 200, 240, 300, 380, 520];

let size = Number(localStorage.getItem("captionmill-size") ?? 2);

export class Grid {
  constructor(main, list, tools) {
    this.main = main;
    this.list = list;
    this.tools = tools;
    this.nodes = new Map(); // position -> element
    this.current = Number(query().get("at") ?? 0);
    this.selected = new Map(); // id -> card as it was selected: the list forgets those far away
    this.heading = h("h2", { id: "heading" });
    this.ground = h("ul", { class: "grid", "aria-label": "Captions" });
    this.empty = h("div", { class: "empty", hidden: true });
    this.bar = h("div", { class: "selection", role: "toolbar", "aria-label": "Selected", hidden: true });
    main.replaceChildren(this.toolbar(), this.ground, this.empty, this.bar);
    this.onscroll = () => requestAnimationFrame(() => this.draw());
    addEventListener("scroll", this.onscroll, { passive: true });
    this.watch = new ResizeObserver(() => this.measure());
    this.watch.observe(main);
    list.onload = () => { this.measure(); };
    this.measure();
    list.load(this.current).then(() => { if (this.gone) return; this.measure(); this.reveal(); }).catch((error) => tools.fail(error));
  }

  close() {
    removeEventListener("scroll", this.onscroll);
    this.watch.disconnect();
    this.list.onload = () => {};
    document.body.classList.remove("selecting");
  }

  toolbar() {
    const sort = h("select", { onchange: () => go(withValues({ sort: sort.value === "path" ? null : sort.value, at: null })) },
      SORTS.map(([value, words]) => h("option", { value, selected: (filters().get("sort") ?? "path") === value }, words)));
    const step = (by, label, sign) => h("button", { type: "button", class: "icon", "aria-label": label, onclick: () => this.resize(by) }, sign);
    return h("div", { class: "bar" }, this.heading,
      h("label", {}, h("span", { class: "sr" }, "Order"), sort),
      h("span", { class: "row", role: "group", "aria-label": "Size of the pictures" }, step(-1, "Smaller pictures", "−"), step(1, "Larger pictures", "+")),
      readOnly ? null : h("button", { type: "button", onclick: () => this.tools.bulk(this.chosen()) }, "Change all…"));
  }

  resize(by) {
    size = Math.min(WIDTHS.length - 1, Math.max(0, size + by));
    localStorage.setItem("captionmill-size", size);
    this.clear();
    this.measure();
    this.reveal();
  }

  clear() {
    this.nodes.forEach((node) => node.remove());
    this.nodes.clear();
  }

  measure() {
    const width = this.ground.clientWidth || this.main.clientWidth;
    this.columns = Math.max(1, Math.floor((width + GAP) / (WIDTHS[size] + GAP)));
    const card = Math.floor((width - GAP * (this.columns - 1)) / this.columns);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const style = getComputedStyle(document.documentElement);
    const line = parseFloat(style.getPropertyValue("--body")) * rem, small = parseFloat(style.getPropertyValue("--small")) * rem;
    const row = Math.ceil(card * .72 + 3 * 1.45 * line + 12 + 8 + small * 1.5 + 44);
    if (card !== this.card || row !== this.row) this.clear();
    this.card = card;
    this.row = row;
    this.ground.style.setProperty("--card", `${card}px`);
    this.ground.style.setProperty("--row", `${row}px`);
    const rows = Math.ceil((this.list.total ?? 0) / this.columns);
    this.full = Math.max(0, rows * (row + GAP) - GAP);
    this.tall = Math.min(this.full, TALLEST);
    this.ground.style.height = `${this.tall}px`;
    this.heading.textContent = this.list.total === null ? "Loading" : many(this.list.total, "image");
    this.showEmpty();
    this.draw();
  }

  // A list that is taller than an element can be is scrolled in proportion.
  top() {
    const scrolled = Math.max(0, scrollY - this.ground.offsetTop);
    return this.full <= this.tall ? scrolled : (scrolled / Math.max(1, this.tall - innerHeight)) * (this.full - innerHeight);
  }

  draw() {
    if (!this.list.total) return this.clear();
    const top = this.top(), step = this.row + GAP, shift = Math.max(0, scrollY - this.ground.offsetTop) - top;
    const first = Math.max(0, Math.floor(top / step) - 2) * this.columns;
    const last = Math.min(this.list.total, (Math.ceil((top + innerHeight) / step) + 2) * this.columns);
    for (const [position, node] of this.nodes)
      if (position < first || position >= last) { node.remove(); this.nodes.delete(position); }
    for (let position = first; position < last; position++) {
      const card = this.list.at(position);
      if (!card) { this.list.block(Math.floor(position / 60)).catch((error) => this.tools.fail(error)); }
      let node = this.nodes.get(position);
      if (!node || node.card !== card) {
        const fresh = this.node(card, position);
        const had = node?.contains(document.activeElement);
        if (node) node.replaceWith(fresh);
        else this.insert(fresh, position);
        this.nodes.set(position, fresh);
        node = fresh;
        if (had) node.querySelector(".card-link")?.focus({ preventScroll: true });
      }
      const x = (position % this.columns) * (this.card + GAP), y = Math.floor(position / this.columns) * step + (this.full > this.tall ? shift : 0);
      node.style.transform = `translate(${x}px, ${y}px)`;
      node.classList.toggle("current", position === this.current);
      node.classList.toggle("selected", Boolean(card && this.selected.has(card.id)));
      for (const part of node.querySelectorAll("a, button")) part.tabIndex = position === this.current ? 0 : -1;
    }
    return undefined;
  }

  insert(node, position) {
    let next = null, nearest = Infinity;
    for (const [at, other] of this.nodes) if (at > position && at < nearest) { nearest = at; next = other; }
    this.ground.insertBefore(node, next);
  }

  node(card, position) {
    if (!card) return Object.assign(h("li", { class: "card", "aria-hidden": "true" }, h("div", { class: "frame" })), { card });
    const words = card.caption ?? card.reason ?? (card.review === "rejected" ? card.model_caption : null) ?? "No caption.";
    const link = h("a", {
      class: "card-link", href: `/?${this.address(position, card)}`,
      "aria-label": `${card.caption ?? words} ${stateOf(card)[1]}. ${card.path}`,
      onfocus: () => this.focusOn(position),
      onclick: (event) => this.click(event, position, card),
    }, picture(card, "small"), h("p", { class: card.caption === null ? "text none" : "text" }, words),
    h("p", { class: "facts", title: card.path }, h("bdi", {}, this.factsOf(card))));
    const verb = (name, label, sign, pressed) => h("button", { type: "button", class: pressed ? "icon pressed" : "icon", "aria-label": label, title: label, onclick: () => { this.focusOn(position); this.act(name); } }, icon(sign));
    const foot = h("div", { class: "card-foot" }, badge(card), readOnly ? null : [
      card.can.includes("again") ? verb("again", "Send again", "again", card.again) : null,
      card.can.includes("reject") ? [verb("reject", "Reject", "rejected", card.review === "rejected"), verb("accept", "Accept", "accepted", card.review === "accepted")] : null]);
    return Object.assign(h("li", { class: "card", "aria-posinset": position + 1, "aria-setsize": this.list.total }, link, foot), { card });
  }

  factsOf(card) {
    return [card.findings[0], card.duplicates ? `${number(card.duplicates)} alike` : null, card.path].filter(Boolean).join(" · ");
  }

  address(position, card) {
    return withValues({ view: "single", at: position, card: card.id });
  }

  click(event, position, card) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) {
      event.preventDefault();
      if (event.shiftKey) for (let at = Math.min(this.current, position); at <= Math.max(this.current, position); at++) this.select(at, true);
      else this.select(position);
      this.focusOn(position);
      return;
    }
    event.preventDefault();
    go(this.address(position, card));
  }

  focusOn(position) {
    if (this.current === position) return;
    this.current = position;
    go(withValues({ at: position || null }), { replace: true, quiet: true });
    this.draw();
  }

  focus() {
    this.nodes.get(this.current)?.querySelector(".card-link")?.focus({ preventScroll: true });
  }

  reveal() {
    if (!this.list.total) return;
    this.current = Math.min(Math.max(0, this.current), this.list.total - 1);
    // where the card stands in the window, below the head that stays
    const y = Math.floor(this.current / this.columns) * (this.row + GAP), head = document.querySelector(".top").offsetHeight + GAP;
    const above = this.ground.offsetTop, start = scrollY < above ? above - scrollY : 0;
    const at = start + y - this.top();
    const by = at < head ? at - head : at + this.row > innerHeight - GAP ? Math.min(at - head, at + this.row + GAP - innerHeight) : 0;
    if (by) {
      const scale = this.full > this.tall ? (this.tall - innerHeight) / (this.full - innerHeight) : 1;
      scrollTo({ top: this.full > this.tall ? above + Math.max(0, y - head) * scale : scrollY + by, behavior: "instant" });
    }
    this.draw();
    this.focus();
  }

  async move(by, { selecting = false } = {}) {
    if (!this.list.total) return;
    if (selecting) this.select(this.current, true);
    const next = Math.min(this.list.total - 1, Math.max(0, this.current + by));
    if (next === this.current) return;
    this.current = next;
    go(withValues({ at: next || null }), { replace: true, quiet: true });
    await this.list.load(next).catch((error) => this.tools.fail(error));
    if (this.gone) return;
    if (selecting) this.select(next, true);
    this.reveal();
  }

  select(position, on = null) {
    const card = this.list.at(position);
    if (!card) return;
    const wanted = on ?? !this.selected.has(card.id);
    if (wanted) this.selected.set(card.id, card);
    else this.selected.delete(card.id);
    this.showSelection();
    this.draw();
  }

  selectShown() {
    const shown = [...this.nodes.values()].filter((node) => node.card);
    const all = shown.every((node) => this.selected.has(node.card.id));
    for (const node of shown) all ? this.selected.delete(node.card.id) : this.selected.set(node.card.id, node.card);
    this.showSelection();
    this.draw();
  }

  showSelection() {
    const count = this.selected.size;
    this.bar.hidden = !count;
    document.body.classList.toggle("selecting", count > 0);
    if (!count) return;
    const verb = (name, words) => h("button", { type: "button", onclick: () => this.act(name) }, words);
    this.bar.replaceChildren(h("strong", {}, `${number(count)} selected`), verb("accept", "Accept"), verb("reject", "Reject"), verb("again", "Send again"),
      h("button", { type: "button", onclick: () => this.tools.bulk(this.chosen()) }, "Change…"),
      h("button", { type: "button", class: "quiet", onclick: () => this.unselect() }, "Clear"));
  }

  unselect() {
    this.selected.clear();
    this.showSelection();
    this.draw();
    this.focus();
  }

  chosen() {
    return [...this.selected.keys()];
  }

  cards() {
    if (this.selected.size) {
      const loaded = new Map([...this.list.cards.values()].map((card) => [card.id, card]));
      return [...this.selected].map(([id, card]) => loaded.get(id) ?? card);
    }
    const card = this.list.at(this.current);
    return card ? [card] : [];
  }

  act(name) {
    const cards = this.cards(), several = this.selected.size > 0;
    if (name === "again") return again(cards, () => several && this.unselect());
    const position = this.current;
    judge(cards, name);
    if (several) return this.unselect();
    const stays = this.list.at(position)?.id === cards[0]?.id;
    if (stays && (name === "accept" || name === "reject")) return this.move(1);
    return this.reveal();
  }

  update(cards) {
    this.current -= this.list.take(cards, this.current);
    const had = this.ground.contains(document.activeElement);
    this.measure();
    if (had || document.activeElement === document.body) this.reveal();
  }

  showEmpty() {
    const none = this.list.total === 0;
    this.empty.hidden = !none;
    if (none) this.empty.replaceChildren(...this.tools.emptyWords());
  }

  key(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, PageDown: this.columns * 3, PageUp: -this.columns * 3, Home: -Infinity, End: Infinity };
    if (event.key in moves) { this.move(moves[event.key], { selecting: event.shiftKey }); return true; }
    const card = this.list.at(this.current);
    const key = event.key.toLowerCase();
    if (key === "p") this.act("accept");
    else if (key === "x") this.act("reject");
    else if (key === "u") this.act("clear");
    else if (key === "r") this.act("again");
    else if (key === "s") this.select(this.current);
    else if (key === "a") this.selectShown();
    else if (key === "b") this.tools.bulk(this.chosen());
    else if ((key === "e" || (key === "enter" && event.target === document.body)) && card) go(this.address(this.current, card));
    else if (key === "+" || key === "=") this.resize(1);
    else if (key === "-") this.resize(-1);
    else if (key === "escape" && this.selected.size) this.unselect();
    else return false;
    return true;
  }
}
