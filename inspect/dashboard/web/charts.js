// The three charts of the last hour, or since the first event if that was later, with a
// bar for each minute, a description of the minute under the pointer or chosen with
// arrow keys, and a table.

import { $, attr, el, show, svg, text } from "./dom.js";
import { compact, compactMoney, count, hhmm, money, plural } from "./format.js";
import { largest } from "./numbers.js";

const minute = 60000;
const most = 60; // bars
const widest = 1 / 12; // of the chart, a bar with its gap

const kinds = [
  { key: "orders", title: "Orders per minute", format: count, brief: compact },
  { key: "units", title: "Units shipped per minute", format: count, brief: compact },
  { key: "revenue", title: "Revenue per minute", format: money, brief: compactMoney },
];

export class Charts {
  #minutes = new Map();
  #charts = [];
  #end = 0;
  #bars = most; // from the first minute with an event

  constructor() {
    for (const kind of kinds) this.#charts.push(this.#make(kind));
    $("charts").append(...this.#charts.map((c) => c.panel));
  }

  clear() {
    this.#minutes.clear();
  }

  take(list) {
    for (const m of list) this.#minutes.set(m.time, m);
  }

  render(status) {
    const end = Math.floor(status.window_end / minute) * minute;
    if (end !== this.#end) {
      this.#end = end;
      for (const t of this.#minutes.keys()) if (t <= end - (most + 2) * minute) this.#minutes.delete(t);
    }
    const first = Math.min(...this.#minutes.keys());
    this.#bars = status.loading || !this.#minutes.size ? most : Math.max(1, Math.min(most, (end - first) / minute + 1));
    const loading = { stock: "Loading…", reorders: "Loading…", charts: `Loading the last hour… ${Math.round(status.progress * 100)} %` }[status.loading];
    for (const c of this.#charts) this.#draw(c, status, loading);
  }

  #times() {
    return Array.from({ length: this.#bars }, (_, i) => this.#end - (this.#bars - 1 - i) * minute);
  }

  #value = (kind, t) => this.#minutes.get(t)?.[kind.key] ?? 0;

  #make(kind) {
    const c = { kind, at: -1 };
    c.big = el("span", { class: "big" });
    c.over = el("small", { class: "muted" });
    c.readout = el("output");
    c.rects = Array.from({ length: most }, () => svg("rect"));
    c.svg = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", tabindex: "0" }, ...c.rects);
    c.top = el("span", { class: "top-value", "aria-hidden": "true" });
    c.plot = el("div", { class: "plot" }, c.svg, c.top);
    c.marks = Array.from({ length: 6 }, () => el("span"));
    c.axis = el("div", { class: "axis", "aria-hidden": "true" }, ...c.marks);
    c.table = el("tbody");
    c.details = el("details", { class: "data" }, el("summary", {}, "As a table"),
      el("div", { tabindex: "0", role: "region", "aria-label": `${kind.title}, as a table` }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Minute"), el("th", { scope: "col" }, kind.title))), c.table)));
    c.panel = el("section", { class: "panel chart", "aria-label": kind.title },
      el("header", {}, el("h2", {}, kind.title), c.big, c.over, c.readout), c.plot,
      c.axis, c.details);
    c.details.addEventListener("toggle", () => this.#fillTable(c));
    this.#pointing(c);
    return c;
  }

  #pointing(c) {
    const point = (i) => {
      c.at = i;
      this.#describe(c);
    };
    c.svg.addEventListener("pointermove", (e) => {
      const box = c.svg.getBoundingClientRect();
      point(Math.max(0, Math.min(this.#bars - 1, Math.floor(((e.clientX - box.left) / box.width) * this.#bars))));
    });
    c.svg.addEventListener("pointerleave", () => point(-1));
    c.svg.addEventListener("blur", () => point(-1));
    c.svg.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (!move) return;
      e.preventDefault();
      point(Math.max(0, Math.min(this.#bars - 1, (c.at < 0 ? this.#bars : c.at) + move)));
    });
  }

  #describe(c) {
    const times = this.#times();
    c.rects.forEach((r, i) => r.classList.toggle("at", i === c.at));
    if (c.at >= 0 && c.at < times.length) {
      text(c.readout, `${hhmm(times[c.at])}  ${c.kind.format(this.#value(c.kind, times[c.at]))}`);
      return;
    }
    const sum = times.reduce((n, t) => n + this.#value(c.kind, t), 0);
    text(c.readout, `${c.kind.brief(sum)} in ${times.length === most ? "1 h" : `${times.length} min`}`);
  }

  #draw(c, status, loading) {
    const times = this.#times();
    const values = times.map((t) => this.#value(c.kind, t));
    const top = largest([1, ...values]);
    const slot = 600 / values.length;
    const width = 0.8 * Math.min(slot, 600 * widest);
    c.rects.forEach((r, i) => {
      const v = values[i] ?? 0;
      const height = v > 0 ? Math.max(1.5, (92 * v) / top) : 0;
      r.classList.toggle("now", i === values.length - 1);
      attr(r, "x", (i * slot + (slot - width) / 2).toFixed(1));
      attr(r, "width", width.toFixed(1));
      attr(r, "y", (100 - height).toFixed(1));
      attr(r, "height", height.toFixed(1));
    });
    const { recent } = status;
    const last = recent ? (recent[c.kind.key] * 60) / recent.seconds : 0;
    const over = recent ? `last ${recent.seconds} s` : "";
    text(c.big, c.kind.brief(last));
    text(c.over, over);
    text(c.top, c.kind.brief(top));
    this.#mark(c, times);
    const period = times.length === most ? "hour" : plural(times.length, "minute");
    attr(c.svg, "aria-label", `${c.kind.title}, the last ${period}: ${c.kind.format(last)} per minute over the ${over}, at most ${c.kind.format(top)}. Arrow keys move through the minutes.`);
    c.plot.classList.toggle("loading", !!loading);
    attr(c.plot, "data-loading", loading);
    this.#describe(c);
    this.#fillTable(c);
  }

  // mark writes a few times below the bars: all of them if each has room, otherwise the
  // first, the middle and the last.
  #mark(c, times) {
    const few = times.length <= c.marks.length;
    const shown = few ? times : [times[0], times[times.length >> 1], times.at(-1)];
    c.axis.classList.toggle("few", few);
    c.marks.forEach((m, i) => {
      show(m, i < shown.length);
      text(m, i < shown.length ? hhmm(shown[i]) : "");
    });
  }

  #fillTable(c) {
    if (!c.details.open) return;
    const times = this.#times().reverse();
    while (c.table.children.length < times.length) c.table.append(el("tr", {}, el("td"), el("td")));
    while (c.table.children.length > times.length) c.table.lastChild.remove();
    times.forEach((t, i) => {
      const cells = c.table.children[i].children;
      text(cells[0], hhmm(t));
      text(cells[1], c.kind.format(this.#value(c.kind, t)));
    });
  }
}
