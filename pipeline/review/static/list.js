// The list of cards of the filters in force, fetched in blocks as they come near the window.

import { get, settled } from "./api.js";
import { filters } from "./state.js";

const BLOCK = 60;
const MOST = 3000; // cards in memory

export class List {
  constructor() {
    this.total = null;
    this.cards = new Map(); // position -> card
    this.asked = new Map(); // block -> promise
    this.left = new Map(); // id -> position at which a card stood that a decision took out
    this.shifts = 0;
    this.query = filters().toString();
    this.review = new Set(filters().getAll("review"));
    this.onload = () => {};
  }

  at(position) {
    return this.cards.get(position);
  }

  async load(position) {
    if (this.total !== null && (position < 0 || position >= this.total)) return undefined;
    if (!this.cards.has(position)) await this.block(Math.floor(position / BLOCK));
    return this.cards.get(position);
  }

  block(number) {
    if (!this.asked.has(number)) this.asked.set(number, this.fetch(number).finally(() => this.asked.delete(number)));
    return this.asked.get(number);
  }

  async fetch(number) {
    const query = new URLSearchParams(this.query);
    query.set("offset", number * BLOCK);
    query.set("limit", BLOCK);
    let page, shifts;
    do {
      await settled(); // positions count what was decided just now, and while the answer came
      shifts = this.shifts;
      page = await get("/api/cards", query);
    } while (shifts !== this.shifts);
    this.total = page.total;
    page.cards.forEach((card, index) => { this.cards.set(page.offset + index, card); this.left.delete(card.id); });
    if (this.cards.size > MOST)
      for (const position of this.cards.keys())
        if (Math.abs(position - number * BLOCK) > MOST / 3) this.cards.delete(position);
    this.onload();
  }

  positionOf(id) {
    for (const [position, card] of this.cards) if (card.id === id) return position;
    return -1;
  }

  // Whether a card still belongs here after a decision.
  fits(card) {
    if (!this.review.size) return true;
    if (card.review && this.review.has(card.review)) return true;
    return this.review.has("undecided") && !card.review && card.caption !== null && !card.again;
  }

  replace(card) {
    const position = this.positionOf(card.id);
    if (position >= 0) this.cards.set(position, card);
  }

  // Takes in cards as they are now; gives how many left the list before a position, less those
  // that came back there.
  take(cards, before) {
    let gone = 0;
    for (const card of cards) {
      if (!this.fits(card)) gone += this.remove(card.id) < before - gone ? 1 : 0;
      else if (this.left.has(card.id)) gone -= this.restore(card) <= before - gone ? 1 : 0;
      else this.replace(card);
    }
    return gone;
  }

  // Takes a card out and gives where it stood, Infinity when it was not here.
  remove(id) {
    const position = this.positionOf(id);
    if (position < 0) return Infinity;
    this.cards.delete(position);
    this.shift(position, -1);
    this.left.set(id, position);
    return position;
  }

  // Puts a card back whose decision was refused or undone, and gives its position.
  restore(card) {
    const position = this.left.get(card.id);
    this.left.delete(card.id);
    this.shift(position, 1);
    this.cards.set(position, card);
    return position;
  }

  // Moves all cards that stand at a position or behind it.
  shift(position, by) {
    this.cards = new Map([...this.cards].map(([at, card]) => [at < position ? at : at + by, card]));
    this.left = new Map([...this.left].map(([id, at]) => [id, at <= position ? at : at + by]));
    this.total += by;
    this.shifts += 1;
  }
}
