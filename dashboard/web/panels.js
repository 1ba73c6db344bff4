// What stands beside the table: alerts, open reorders, dead letters, and how
// the processor and the data are.

import { $, attr, el, productLink, svg, text } from "./dom.js";
import { age, count, duration, plural, time } from "./format.js";

const feedLength = 400;
const drawnAlerts = 100;

export class Alerts {
  #items = [];
  #seen = 0; // the newest that was announced
  total = 0;
  skipped = 0;

  clear() {
    this.#items = [];
    this.skipped = 0;
  }

  // take adds new alerts, newest first, and returns them.
  take(list, whole) {
    if (whole) this.clear();
    this.total = list.total;
    if (!whole) this.skipped += list.skipped;
    for (const a of list.items) a.fresh = !whole;
    this.#items = [...list.items, ...this.#items].slice(0, feedLength);
    return whole ? [] : list.items;
  }

  render() {
    text($("alerts-total"), this.total ? count(this.total) : "");
    const items = this.#items.slice(0, drawnAlerts).map((a) => (a.node ??= drawAlert(a)));
    if (this.skipped) items.push(el("li", { class: "skipped" }, `${plural(this.skipped, "alert")} came too fast to be shown`));
    if (this.#items.length > drawnAlerts) items.push(el("li", { class: "skipped" }, `The newest ${drawnAlerts} are shown`));
    if (!this.#items.length) items.push(el("li", { class: "none" }, "No critical stock so far"));
    reconcile($("alerts"), items);
    for (const a of this.#items.slice(0, drawnAlerts)) text(a.when, time(a.timestamp));
  }
}

function drawAlert(a) {
  a.when = el("small", { class: "right" });
  return el("li", { class: a.fresh ? "new" : undefined, title: a.message },
    el("span", { class: "sev", "data-s": a.current_stock > 0 ? "critical" : "out" }, productLink(a.product_id, a.product_name)), a.when,
    el("small", {}, `${count(a.current_stock)} left (≤ ${count(a.threshold)})${a.warehouse_id ? " · " + a.warehouse_id : ""}`));
}

// reconcile makes nodes the children, in order, and moves only those that must.
function reconcile(list, nodes) {
  const keep = new Set(nodes);
  for (const child of [...list.children]) if (!keep.has(child)) child.remove();
  nodes.forEach((node, i) => {
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
  });
}

export class Reorders {
  #nodes = new Map();
  #list = { total: 0, items: [] };

  take(list) {
    this.#list = { total: list.total, items: list.items ?? this.#list.items };
  }

  render(now) {
    const { total, items } = this.#list;
    text($("reorders-total"), total ? `${count(total)}, oldest first` : "");
    const nodes = items.map((r) => {
      let n = this.#nodes.get(r.event_id);
      if (!n) {
        n = { when: el("small", { class: "right" }), since: el("small", { class: "right" }) };
        n.li = el("li", {}, productLink(r.product_id, r.product_name), n.since,
          el("small", {}, `${count(r.reorder_quantity)} ordered at ${count(r.current_stock)} left`, r.priority === "urgent" ? " · " : undefined,
            r.priority === "urgent" ? el("span", { class: "badge urgent" }, "urgent") : undefined), n.when);
        this.#nodes.set(r.event_id, n);
      }
      text(n.when, time(r.timestamp));
      text(n.since, age(now - r.timestamp));
      return n.li;
    });
    const ids = new Set(items.map((r) => r.event_id));
    for (const id of this.#nodes.keys()) if (!ids.has(id)) this.#nodes.delete(id);
    if (total > items.length) nodes.push(el("li", { class: "skipped" }, `and ${count(total - items.length)} younger`));
    if (!total) nodes.push(el("li", { class: "none" }, "Nothing is on order"));
    reconcile($("reorders"), nodes);
  }
}

export function renderDead(dead) {
  text($("dead-total"), dead.total ? count(dead.total) : "");
  const most = Math.max(...dead.reasons.map((r) => r.count), 1);
  const reasons = dead.reasons.slice(0, 12).map((r) => el("li", {},
    el("span", {}, el("b", {}, r.reason), " ", el("small", { class: "small" }, r.topic)), el("b", { class: "num" }, count(r.count)),
    svg("svg", { viewBox: "0 0 100 5", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "track", width: "100", height: "5" }), svg("rect", { class: "fill", width: ((100 * r.count) / most).toFixed(1), height: "5" }))));
  const last = dead.last.slice(0, 5).map((d) => [
    el("dt", { class: "small" }, d.reason), el("dd", { class: "small" }, time(d.timestamp)), el("dd", { class: "wide" }, `${d.message} (${d.place})`)]);
  $("dead").replaceChildren(...(dead.total
    ? [el("ul", { class: "reasons" }, ...reasons), el("details", { class: "data" }, el("summary", {}, "The last ones"), el("dl", { class: "kv" }, ...last.flat()))]
    : [el("p", { class: "muted" }, "No record was refused")]));
}

export function renderSystem(status, problems) {
  const rows = [];
  const row = (name, value, note, bad) => {
    rows.push(el("dt", {}, name), el("dd", { class: bad ? "warn" : undefined }, value));
    if (note) rows.push(el("dd", { class: "wide" }, note));
  };
  for (const l of status.lag) row(l.group, l.known ? `${l.exact ? "" : "≤ "}${count(l.records)} behind` : "never ran");
  if (status.latency) row("Order to stock", `p50 ${duration(status.latency.p50)}, p99 ${duration(status.latency.p99)}`);
  if (status.behind > 0) row("Dashboard behind", plural(status.behind, "record"));
  for (const name of status.missing) row(name, "no such topic yet", undefined, true);
  for (const m of problems.malformed) row(`Malformed in ${m.topic}`, count(m.count), `${m.last} (${m.place})`, true);
  if (problems.gaps) row("Missing in sequences", count(problems.gaps), "Updates that never came, or came out of order: their products say so", true);
  if (problems.ignored) row("Products not shown", count(problems.ignored), "There are more than the dashboard keeps", true);
  const list = $("system");
  const key = rows.map((r) => r.textContent).join("\n") || "none";
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(rows.length ? el("dl", { class: "kv" }, ...rows) : el("p", { class: "muted" }, "Nothing to say"));
}

export function renderFacts(state) {
  const { status, counts, reorders } = state;
  for (const s of ["out", "critical", "low", "ok"]) text($("count-" + s), counts ? count(counts[s]) : "–");
  text($("fact-products"), counts ? count(counts.products) + (counts.unknown ? ` (${count(counts.unknown)} without stock)` : "") : "–");
  text($("fact-reorders"), reorders ? count(reorders.total) : "–");
  if (!status) return;
  text($("fact-rate"), `${count(Math.round(status.rate))} /s`);
  const known = status.lag.filter((l) => l.known);
  const lag = known.reduce((n, l) => n + l.records, 0);
  text($("fact-lag"), known.length ? (known.every((l) => l.exact) ? "" : "≤ ") + count(lag) : "–");
  text($("fact-latency"), status.latency ? duration(status.latency.p50) : "–");
  attr($("fact-latency"), "title", status.latency ? `p99 ${duration(status.latency.p99)}, over the last minute` : null);
}
