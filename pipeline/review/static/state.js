// State of the page: its address says all of it, so that it can be kept, sent and gone back to.

const FILTERS = ["q", "review", "folder", "source", "outcome", "reason", "model", "spec", "flag", "finding", "again", "present", "min_cost", "max_cost", "since", "until", "sort"];

export const query = () => new URLSearchParams(location.search);

export function filters() {
  return new URLSearchParams([...query()].filter(([name]) => FILTERS.includes(name)));
}

const listeners = [];
export const onChange = (listener) => listeners.push(listener);

export function go(next, { replace = false, quiet = false } = {}) {
  const text = next.toString();
  history[replace ? "replaceState" : "pushState"](null, "", text ? `/?${text}` : "/");
  if (!quiet) for (const listener of listeners) listener();
}
addEventListener("popstate", () => listeners.forEach((listener) => listener()));

// The address with some names set; an empty value or null takes a name away.
export function withValues(values, base = query()) {
  const next = new URLSearchParams(base);
  for (const [name, value] of Object.entries(values)) {
    next.delete(name);
    for (const one of [value].flat()) if (one !== null && one !== "" && one !== undefined) next.append(name, one);
  }
  return next;
}

export const view = () => query().get("view") ?? "grid";
