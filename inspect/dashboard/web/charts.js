// The three charts of the last hour, with a bar for each minute, a description of the
// minute under the pointer or chosen with arrow keys, and a table.

import { $, attr, el, svg, text } from "./dom.js";
import { compact, count, hhmm, money } from "./format.js";
import { largest } from "./numbers.js";

const minute = 60000;
const bars = 60;

const kinds = [
  { key: "orders", title: "Orders per minute", format: count },
  { key: "units", title: "Units per minute", format: count },
  { key: "revenue", title: "Revenue per minute", format: money },
];

export class Charts {
  #minutes = new Map();
  #charts = [];
  #end = 0;

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
      for (const t of this.#minutes.keys()) if (t <= end - (bars + 2) * minute) this.#minutes.delete(t);
    }
    const loading = { stock: "Loading…", reorders: "Loading…", charts: `Loading the last hour… ${Math.round(status.progress * 100)} %` }[status.loading];
    for (const c of this.#charts) this.#draw(c, status, loading);
  }

  #times() {
    return Array.from({ length: bars }, (_, i) => this.#end - (bars - 1 - i) * minute);
  }

  #value = (kind, t) => this.#minutes.get(t)?.[kind.key] ?? 0;

  #make(kind) {
    const c = { kind, at: -1 };
    c.big = el("span", { class: "big" });
    c.over = el("small", { class: "muted" });
    c.readout = el("output");
    c.rects = Array.from({ length: bars }, (_, i) => svg("rect", { x: i * 10 + 1, width: 8 }));
    c.rects[bars - 1].classList.add("now");
    c.svg = svg("svg", { viewBox: `0 0 ${bars * 10} 100`, preserveAspectRatio: "none", role: "img", tabindex: "0" }, ...c.rects);
    c.top = el("span", { class: "top-value", "aria-hidden": "true" });
    c.plot = el("div", { class: "plot" }, c.svg, c.top);
    c.from = el("span");
    c.middle = el("span");
    c.to = el("span");
    c.table = el("tbody");
    c.details = el("details", { class: "data" }, el("summary", {}, "As a table"),
      el("div", {}, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Minute"), el("th", { scope: "col" }, kind.title))), c.table)));
    c.panel = el("section", { class: "panel chart", "aria-label": kind.title },
      el("header", {}, el("h2", {}, kind.title), c.big, c.over, c.readout), c.plot,
      el("div", { class: "axis", "aria-hidden": "true" }, c.from, c.middle, c.to), c.details);
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
      point(Math.max(0, Math.min(bars - 1, Math.floor(((e.clientX - box.left) / box.width) * bars))));
    });
    c.svg.addEventListener("pointerleave", () => point(-1));
    c.svg.addEventListener("blur", () => point(-1));
    c.svg.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (!move) return;
      e.preventDefault();
      point(Math.max(0, Math.min(bars - 1, (c.at < 0 ? bars : c.at) + move)));
    });
  }

  #describe(c) {
    const times = this.#times();
    c.rects.forEach((r, i) => r.classList.toggle("at", i === c.at));
    if (c.at >= 0) {
      text(c.readout, `${hhmm(times[c.at])}  ${c.kind.format(this.#value(c.kind, times[c.at]))}`);
      return;
    }
    const sum = times.reduce((n, t) => n + this.#value(c.kind, t), 0);
    text(c.readout, `${compact(sum)} in 1 h`);
  }

  #draw(c, status, loading) {
    const times = this.#times();
    const values = times.map((t) => this.#value(c.kind, t));
    const top = largest([1, ...values]);
    values.forEach((v, i) => {
      const height = v > 0 ? Math.max(1.5, (92 * v) / top) : 0;
      attr(c.rects[i], "y", (100 - height).toFixed(1));
      attr(c.rects[i], "height", height.toFixed(1));
    });
    const { recent } = status;
    const last = recent ? (recent[c.kind.key] * 60) / recent.seconds : 0;
    const over = recent ? `last ${recent.seconds} s` : "";
    text(c.big, compact(last));
    text(c.over, over);
    text(c.top, compact(top));
    text(c.from, hhmm(times[0]));
    text(c.middle, hhmm(times[bars / 2]));
    text(c.to, hhmm(times[bars - 1]));
    attr(c.svg, "aria-label", `${c.kind.title}, the last hour: ${c.kind.format(last)} per minute over the ${over}, at most ${c.kind.format(top)}. Arrow keys move through the minutes.`);
    c.plot.classList.toggle("loading", !!loading);
    attr(c.plot, "data-loading", loading);
    this.#describe(c);
    this.#fillTable(c);
  }

  #fillTable(c) {
    if (!c.details.open) return;
    const times = this.#times().reverse();
    while (c.table.children.length < bars) c.table.append(el("tr", {}, el("td"), el("td")));
    times.forEach((t, i) => {
      const cells = c.table.children[i].children;
      text(cells[0], hhmm(t));
      text(cells[1], c.kind.format(this.#value(c.kind, t)));
    });
  }
}
