// Elements without markup: text is always text, whatever a caption or a name holds.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  accepted: "M3 8.5l3.5 3.5L13 4.5",
  rejected: "M4 4l8 8M12 4l-8 8",
  edited: "M3 13l.7-3L10.5 3.2a1.4 1.4 0 0 1 2 0l.3.3a1.4 1.4 0 0 1 0 2L6 12.3z",
  again: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
  undecided: "M8 3a5 5 0 1 0 0 10a5 5 0 0 0 0-10",
  none: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11M4.2 11.8l7.6-7.6",
  picture: "M2 3h12v10H2zM2 11l3.5-3.5 3 3 2-2L14 12M10.5 6h.01",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  for (const [key, value] of Object.entries({ fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" })) path.setAttribute(key, value);
  svg.append(path);
  return svg;
}

export const number = (value) => Number(value).toLocaleString("en");
export const many = (count, one, more = `${one}s`) => `${number(count)} ${count === 1 ? one : more}`;
export const moment = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

const WHY_NONE = { rejected: "cannot be sent", refused: "refused by the model", filtered: "stopped by the filter", length: "cut off", empty: "empty answer", invalid: "wrong form", missing: "no answer" };

export function stateOf(card) {
  if (card.way) return ["again", card.way === "waits to be sent" ? "goes again" : "is being captioned"];
  if (card.again) return ["again", card.review ? `${card.review}, goes again` : "goes again"];
  if (card.review) return [card.review, card.review];
  if (card.caption === null) return ["none", WHY_NONE[card.outcome] ?? card.outcome];
  return ["undecided", "undecided"];
}

export function badge(card) {
  const [kind, words] = stateOf(card);
  return h("span", { class: `badge ${kind}` }, icon(kind), words);
}

// A picture in a frame of fixed size, or words why there is none.
export function picture(card, size, alt = "") {
  const frame = h("div", { class: size === "large" ? "stage" : "frame" });
  const instead = (words) => frame.replaceChildren(h("div", { class: "no-picture" }, icon("picture"), h("span", {}, words)));
  if (card.picture) {
    instead(`No picture: ${card.picture}.`);
    return frame;
  }
  const address = `/picture/${card.id}/${size}?v=${card.version}`;
  const image = h("img", { alt, decoding: "async", loading: size === "large" ? "eager" : "lazy", src: address });
  image.addEventListener("error", async () => {
    instead("No picture.");
    const answer = await fetch(address).catch(() => null);
    const words = answer && !answer.ok ? (await answer.json().catch(() => ({}))).error : null;
    if (words) instead(`No picture: ${words}.`);
  });
  frame.append(image);
  return frame;
}

// Words of two texts side by side; what only one of them has is marked.
export function difference(one, other) {
  const split = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
  const a = split(one), b = split(other);
  if (a.length * b.length > 400000) return [[one], [other]];
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const left = [], right = [];
  const add = (side, kind, text) => {
    const last = side.at(-1);
    if (last && last.kind === kind) last.text += text;
    else side.push({ kind, text });
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { add(left, "", a[i]); add(right, "", b[j]); i++; j++; }
    else if (j < b.length && (i === a.length || length[i][j + 1] >= length[i + 1][j])) add(right, "added", b[j++]);
    else add(left, "removed", a[i++]);
  }
  const marked = (side) => side.map(({ kind, text }) => (kind ? h("mark", { class: kind }, text) : text));
  return [marked(left), marked(right)];
}
