// Requests to the server of this page. Changes go one after another, in the order of the keys.

const token = document.querySelector("meta[name=captionmill-token]").content;
export const readOnly = document.querySelector("meta[name=captionmill-read-only]").content === "yes";

export class Refused extends Error {}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("The server does not answer. Is captionmill review still running?");
  }
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(sentence(value.error ?? `The server answered ${answer.status}.`));
  return value;
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!]$/.test(words) ? "" : ".");

export const get = (path, query) => ask(query ? `${path}?${query}` : path);

let last = Promise.resolve();
let pending = 0;
export function post(path, body) {
  pending += 1;
  const next = last.then(() =>
    ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Captionmill-Token": token }, body: JSON.stringify(body) }))
    .finally(() => { pending -= 1; });
  last = next.catch(() => {});
  return next;
}
export const settled = () => last;

// what waits for the server or behind another change is not saved yet: the browser asks before it leaves
addEventListener("beforeunload", (event) => { if (pending) event.preventDefault(); });
