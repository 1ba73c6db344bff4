// The panels beside the table: alerts, open reorders, dead letters, and the state of
// processor and data.

import { $, attr, el, isolate, morph, productHref, show, spell, svg, text } from "./dom.js";
import { age, count, duration, plural, time } from "./format.js";
import { sum } from "./numbers.js";

const feedLength = 400;
const lowest = 40; // px, less than any entry's height

// The parts of the page by what they show: sources whose topics can't be read for lack
// of a permission mark them.
const parts = {
  "#products": ["catalog", "updates"], "#charts": ["updates"], ".panel:has(#alerts)": ["alerts"],
  ".panel:has(#reorders)": ["reorders", "receipts"], ".panel:has(#dead)": ["dead_letters"], "#topologies": ["topologies"],
};

const denied = (status, ...sections) => (status?.denied ?? []).filter((d) => sections.includes(d.section));

// staleness returns why sections are incomplete, or "".
export function staleness(status, ...sections) {
  const missing = denied(status, ...sections);
  if (!missing.length) return "";
  const since = Math.min(...missing.map((d) => d.as_of));
  return since ? `stale since ${time(since)}` : "can't be read";
}

// renderDenied marks the parts that are stale or incomplete, and returns the message
// for the banner, "" if there is none.
export function renderDenied(status) {
  for (const [selector, sections] of Object.entries(parts)) {
    document.querySelector(selector)?.toggleAttribute("data-stale", !!staleness(status, ...sections));
  }
  const missing = (status?.denied ?? []).map((d) =>
    `${d.operation} on ${d.resource} ${spell(d.name)}${d.as_of ? ` (last read at ${time(d.as_of)})` : ""}`);
  return missing.length ? `Incomplete: not authorized for ${missing.join(", ")}.` : "";
}

// List draws items into entries that it keeps: under load every entry changes with
// every frame. Items out of sight are drawn once the list is scrolled.
class List {
  #list;
  #make;
  #draw;
  #entries = [];
  #note = el("li", { class: "note" });
  #scrolled = false; // reading it while drawing would force a layout, as would the height
  #fit = 12; // entries that are visible at most

  constructor(list, make, draw, again) {
    this.#list = list;
    this.#make = make;
    this.#draw = draw;
    list.append(this.#note);
    new ResizeObserver(([box]) => {
      const fit = Math.max(12, Math.ceil(box.contentRect.height / lowest) + 1);
      if (fit === this.#fit) return;
      this.#fit = fit;
      requestAnimationFrame(again);
    }).observe(list);
    list.addEventListener("scroll", () => {
      this.#scrolled = list.scrollTop > 0;
      requestAnimationFrame(again);
    }, { passive: true });
  }

  render(items, note) {
    const most = this.#scrolled ? items.length : this.#fit;
    const shown = items.slice(0, most);
    while (this.#entries.length < shown.length) {
      const entry = this.#make();
      this.#entries.push(entry);
      this.#note.before(entry.li);
    }
    while (this.#entries.length > shown.length) this.#entries.pop().li.remove();
    shown.forEach((item, i) => this.#draw(this.#entries[i], item));
    show(this.#note, !!note);
    text(this.#note, note);
  }
}

function entry(...more) {
  const e = { name: el("a"), right: el("small", { class: "right" }), about: el("small") };
  e.head = el("span", {}, e.name);
  e.li = el("li", {}, e.head, e.right, e.about, ...more);
  return e;
}

function name(e, id, words) {
  text(e.name, isolate(words || id));
  attr(e.name, "title", isolate(words || id));
  attr(e.name, "href", productHref(id));
}

export class Alerts {
  #items = [];
  #list = new List($("alerts"), entry, drawAlert, () => this.render(this.#status));
  #known = false; // whether anything was received
  #status = null;
  total = 0;
  skipped = 0;

  // take adds new alerts, newest first, and returns them.
  take(list, whole) {
    this.#known = true;
    this.total = list.total;
    this.skipped = whole ? 0 : this.skipped + list.skipped;
    this.#items = (whole ? list.items : [...list.items, ...this.#items]).slice(0, feedLength);
    return whole ? [] : list.items;
  }

  render(status) {
    this.#status = status ?? this.#status;
    const stale = staleness(this.#status, "alerts");
    text($("alerts-total"), [this.total ? count(this.total) : "", stale].filter(Boolean).join(" · "));
    this.#list.render(this.#items, this.skipped ? `${plural(this.skipped, "alert")} skipped: too many at once`
      : this.#items.length || !this.#known || stale || this.#status?.loading === "stock" ? "" : "No alerts yet");
  }
}

function drawAlert(e, a) {
  name(e, a.product_id, a.product_name);
  attr(e.head, "class", "sev");
  attr(e.head, "data-s", a.current_stock > 0 ? "critical" : "out");
  text(e.right, time(a.timestamp));
  text(e.about, `${count(a.current_stock)} left (≤ ${count(a.threshold)})${a.warehouse_id ? " · " + isolate(a.warehouse_id) : ""}`);
  attr(e.about, "title", e.about.textContent);
}

export class Reorders {
  #items = { total: 0, items: [] };
  #known = false;
  #list = new List($("reorders"), () => {
    const when = el("small", { class: "right" });
    return Object.assign(entry(when), { when });
  }, (e, r) => this.#draw(e, r), () => this.render(this.#now, this.#status));
  #now = 0;
  #status = null;

  take(list) {
    this.#known = true;
    this.#items = { total: list.total, items: list.items ?? this.#items.items };
  }

  render(now, status) {
    this.#now = now;
    this.#status = status;
    const { total, items } = reordersKnown(status) ? this.#items : { total: 0, items: [] };
    const stale = staleness(status, "reorders", "receipts");
    text($("reorders-total"), soFar(total ? count(total) + (status?.loading ? "" : ", oldest first") : "", status, stale));
    this.#list.render(items, total > items.length ? `and ${count(total - items.length)} newer` : total || !this.#known || status?.loading || stale ? "" : "No open reorders");
  }

  #draw(e, r) {
    name(e, r.product_id, r.product_name);
    text(e.right, age(this.#now - r.timestamp));
    text(e.about, `${count(r.reorder_quantity)} ordered at ${count(r.current_stock)} left${r.priority === "urgent" ? " · urgent" : ""}`);
    e.about.classList.toggle("warn", r.priority === "urgent");
    text(e.when, time(r.timestamp));
  }
}

// reordersKnown reports whether the receipts of the reorders are read, too: until
// then, reorders that were fulfilled long ago count as open.
export const reordersKnown = (status) => !!status && !["stock", "reorders"].includes(status.loading);

// inWords returns a reason as a warehouse says it: unknown-product is unknown product.
const inWords = (reason) => isolate(reason.replaceAll("-", " "));

// soFar marks a panel's count as incomplete while loading, or without a permission.
const soFar = (words, status, stale) => [words, status?.loading ? "loading older ones…" : "", stale].filter(Boolean).join(" · ");

export function renderDead(dead, status) {
  const stale = staleness(status, "dead_letters");
  text($("dead-total"), soFar(dead.total ? count(dead.total) : "", status, stale));
  const most = Math.max(...dead.reasons.map((r) => r.count), 1);
  const reasons = dead.reasons.slice(0, 12).map((r) => el("li", {},
    el("span", {}, el("b", { title: isolate(r.reason) }, inWords(r.reason)), " ", el("small", { class: "small" }, isolate(r.topic))), el("b", { class: "num" }, count(r.count)),
    svg("svg", { viewBox: "0 0 100 5", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "track", width: "100", height: "5" }), svg("rect", { class: "fill", width: ((100 * r.count) / most).toFixed(1), height: "5" }))));
  const last = dead.last.slice(0, 5).map((d) => [
    el("dt", { class: "small" }, inWords(d.reason)), el("dd", { class: "small" }, time(d.timestamp)), el("dd", { class: "wide", title: isolate(d.place) }, d.message ? spell(d.message) : isolate(d.place))]);
  morph($("dead"), el("div", {}, ...(dead.total
    ? [el("ul", { class: "reasons" }, ...reasons), el("details", { class: "data" }, el("summary", {}, "The last ones"), el("dl", { class: "kv" }, ...last.flat()))]
    : [el("p", { class: "muted" }, status?.loading || stale ? "" : "None so far")])));
}

export function renderSystem(status, problems) {
  const rows = [];
  const row = (name, value, note, bad, place) => {
    rows.push(el("dt", {}, name), el("dd", { class: bad ? "warn" : undefined }, value));
    if (note) rows.push(el("dd", { class: "wide", title: place }, note));
  };
  for (const l of status.lag) {
    row(isolate(l.group), l.denied ? "not authorized" : l.known ? `${l.exact ? "" : "≤ "}${count(l.records)} behind` : "has not run yet", undefined, l.denied);
  }
  if (status.latency) row("Order to stock", `p50 ${duration(status.latency.p50)}, p99 ${duration(status.latency.p99)}`);
  if (status.behind > 0) row("Dashboard behind", plural(status.behind, "record"));
  for (const name of status.missing) row(isolate(name), "no topic yet", undefined, true);
  for (const m of problems.malformed) row(`Unreadable in ${isolate(m.topic)}`, count(m.count), spell(m.last), true, isolate(m.place));
  if (problems.gaps) row("Missing in sequences", count(problems.gaps), "Updates missing or out of order; see their products", true);
  if (problems.ignored) row("Products not shown", count(problems.ignored), "More than the dashboard can show", true);
  const list = $("system");
  const key = rows.map((r) => r.textContent).join("\n") || "none";
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  morph(list, el("div", {}, rows.length ? el("dl", { class: "kv" }, ...rows) : el("p", { class: "muted" }, "Nothing to report")));
}

export function renderFacts(state) {
  const { status, counts, reorders } = state;
  const unread = (...sections) => denied(status, ...sections).some((d) => !d.as_of);
  const known = counts && !unread("catalog", "updates");
  for (const s of ["out", "critical", "low", "ok"]) text($("count-" + s), known ? count(counts[s]) : "–");
  text($("fact-products"), known ? count(counts.products) + (counts.unknown ? ` (${count(counts.unknown)} without stock)` : "") : "–");
  text($("fact-reorders"), !reorders || !status || unread("reorders", "receipts") ? "–" : !reordersKnown(status) ? "Loading…" : count(reorders.total) + (status.loading ? " so far" : ""));
  if (!status) return;
  text($("fact-rate"), `${count(Math.round(status.rate))} /s`);
  const counted = status.lag.every((l) => !l.denied) ? status.lag.filter((l) => l.known) : [];
  const lag = sum(counted.map((l) => l.records));
  text($("fact-lag"), counted.length ? (counted.every((l) => l.exact) ? "" : "≤ ") + count(lag) : "–");
  text($("fact-latency"), status.latency ? duration(status.latency.p50) : "–");
  attr($("fact-latency"), "title", status.latency ? `p99 ${duration(status.latency.p99)}, over the last minute` : null);
}
