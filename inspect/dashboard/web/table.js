// The table of products, of which only the rows around the visible ones exist. The
// server filters, sorts and pages; scrolling requests another page.

import { $, attr, el, isolate, number, productHref, show, svg, text, words } from "./dom.js";
import { count, signed, time } from "./format.js";

export const pageSize = 80;
const step = 20; // page offsets are multiples of it
const margin = 3; // rows drawn above and below the visible ones
const restAtOnce = 16; // invisible rows drawn at a time, in turn

export class Table {
  offset = 0;
  #scroll = $("scroll");
  #body = $("rows");
  #before = pad();
  #after = pad();
  #slots = [];
  #rowHeight = 52;
  #onPage;
  #timer = 0;
  #page = { total: 0, offset: 0, order: [] };
  #rows = new Map();
  #orders = false; // whether open reorders are known
  #rest = 0; // the last row drawn by drawRest
  // The visible range as of the last event: reading it while drawing would force a
  // layout.
  #top = 0;
  #height = 0;

  // onPage is called when another page becomes visible.
  constructor(onPage) {
    this.#onPage = onPage;
    this.#body.append(this.#before, this.#after);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(([box]) => {
      this.#height = box.contentRect.height;
      this.#drawRows(false);
    }).observe(this.#scroll);
    const measure = () => {
      this.#rowHeight = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 52;
    };
    measure();
    matchMedia("(max-width: 47.5em)").addEventListener("change", measure);
  }

  toTop() {
    this.offset = 0;
    this.#top = 0;
    this.#scroll.scrollTop = 0;
  }

  #scrolled() {
    this.#top = this.#scroll.scrollTop;
    requestAnimationFrame(() => this.#drawRows(false));
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const first = Math.floor(this.#top / this.#rowHeight);
      const visible = Math.ceil(this.#height / this.#rowHeight);
      if (first >= this.offset && first + visible <= this.offset + pageSize - 2) return;
      const spare = Math.max(0, Math.floor((pageSize - visible) / 2));
      const offset = Math.max(0, Math.floor((first - spare) / step) * step);
      if (offset === this.offset) return;
      this.offset = offset;
      this.#onPage();
    }, 60);
  }

  // render draws a page unless another one is visible by now. orders: whether open
  // reorders are known.
  render(page, rows, orders) {
    if (page.offset !== this.offset && page.total > this.offset) return;
    const ids = page.order;
    const focused = this.#slots.findIndex((s) => s.row.contains(document.activeElement));
    const id = this.#page.order[focused];
    const another = page.offset !== this.#page.offset;
    if (ids !== this.#page.order || another) this.#arrange(ids, page.offset);
    this.#page = page;
    this.#rows = rows;
    const all = another || orders !== this.#orders;
    this.#orders = orders;
    this.#drawRows(all);
    const height = (n) => `${n * this.#rowHeight}px`;
    this.#before.firstChild.style.height = height(page.offset);
    this.#after.firstChild.style.height = height(Math.max(0, page.total - page.offset - ids.length));
    this.#scroll.style.height = page.total < pageSize ? `clamp(8rem, ${page.total * this.#rowHeight}px + 2.7rem, var(--most))` : "";
    attr($("table"), "aria-rowcount", page.total + 1);
    if (focused >= 0) this.#keepFocus(ids.includes(id) ? ids.indexOf(id) : Math.min(focused, ids.length - 1));
    show($("empty"), page.total === 0);
  }

  // arrange gives each ID a row, in order. A row stays with its product, and as few
  // as possible move: the others need no layout.
  #arrange(ids, offset) {
    const had = new Map(this.#page.order.map((id, i) => [id, i]));
    const wanted = new Set(ids);
    const spare = this.#slots.filter((_, i) => !wanted.has(this.#page.order[i]));
    const now = ids.map((id) => (had.has(id) ? this.#slots[had.get(id)] : spare.pop() ?? makeSlot()));
    for (const slot of spare) slot.row.remove();
    now.forEach((slot, i) => had.has(ids[i]) || delete slot.drawn); // it shows another product
    const stay = rising(ids.map((id) => had.get(id) ?? -1));
    let next = this.#after;
    for (let i = ids.length - 1; i >= 0; i--) {
      if (!stay.has(i)) this.#body.insertBefore(now[i].row, next);
      next = now[i].row;
      attr(next, "aria-rowindex", offset + i + 2);
    }
    this.#slots = now;
  }

  // drawRest draws the next few rows, visible or not: all of them would take too long
  // for one frame.
  drawRest() {
    const { order } = this.#page;
    for (let n = Math.min(restAtOnce, order.length); n > 0; n--) {
      this.#rest = (this.#rest + 1) % order.length;
      drawRow(this.#slots[this.#rest], this.#rows.get(order[this.#rest]), this.#orders);
    }
  }

  // drawRows draws the visible rows, or all.
  #drawRows(all) {
    const first = Math.floor(this.#top / this.#rowHeight) - this.#page.offset - margin;
    const last = first + Math.ceil(this.#height / this.#rowHeight) + 2 * margin;
    this.#page.order.forEach((id, i) => {
      if (all || !this.#slots[i].drawn || (i >= first && i <= last)) drawRow(this.#slots[i], this.#rows.get(id), this.#orders);
    });
  }

  // The focus stays with its product when the order changes, and in its place when
  // the product disappears.
  #keepFocus(at) {
    const name = this.#slots[at]?.name;
    if (name && document.activeElement !== name) name.focus({ preventScroll: true });
  }
}

// rising returns the indexes of a longest increasing subsequence, ignoring negative
// numbers.
function rising(numbers) {
  const ends = []; // by length, the index of the lowest last number of a subsequence
  const before = [];
  numbers.forEach((n, i) => {
    if (n < 0) return;
    let length = ends.findIndex((end) => numbers[end] > n);
    if (length < 0) length = ends.length;
    before[i] = ends[length - 1];
    ends[length] = i;
  });
  const places = new Set();
  for (let i = ends.at(-1); i !== undefined; i = before[i]) places.add(i);
  return places;
}

function pad() {
  return el("tr", { class: "pad", "aria-hidden": "true" }, el("td", { colspan: "7" }));
}

function makeSlot() {
  const s = {};
  s.sev = el("span", { class: "sev" });
  s.name = el("a");
  s.about = el("small");
  s.stock = el("b");
  s.of = el("small");
  s.fill = svg("rect", { class: "fill", y: "2.5", height: "5.5", x: "0" });
  // The marks extend above and below, visible on any fill.
  s.criticalMark = svg("line", { class: "mark", y1: "0", y2: "10" });
  s.reorderMark = svg("line", { class: "mark reorder", y1: "0", y2: "10" });
  s.bar = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", y: "2.5", height: "5.5", width: "100" }), s.fill, s.criticalMark, s.reorderMark);
  s.thresholds = el("small");
  s.line = svg("polyline");
  s.trend = svg("svg", { class: "trend", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }, s.line);
  s.delta = el("span", { class: "num digits" });
  s.at = el("small");
  s.order = el("span");
  s.since = el("small");
  const cell = (name, ...children) => el("td", { role: "cell", class: "c-" + name }, el("div", { class: "cell" }, ...children));
  s.row = el("tr", { role: "row", class: "row" },
    cell("sev", s.sev), cell("name", s.name, s.about),
    el("td", { role: "cell", class: "c-stock stock" }, el("div", { class: "cell" }, el("span", { class: "digits" }, s.stock), s.of)),
    cell("bar", s.bar, s.thresholds), cell("trend", s.trend), cell("last", s.delta, s.at), cell("order", s.order, s.since));
  return s;
}

function drawRow(s, row, orders) {
  if (!row || s.drawn === row && s.zone === zoneMark() && s.orders === orders) return;
  s.drawn = row;
  s.zone = zoneMark();
  s.orders = orders;
  s.row.dataset.id = row.product_id;
  attr(s.row, "data-s", row.severity);
  s.row.classList.toggle("delisted", !!row.delisted);
  text(s.sev, row.delisted ? "Delisted" : words[row.severity]);
  text(s.name, isolate(row.product_name));
  attr(s.name, "title", isolate(row.product_name));
  attr(s.name, "href", productHref(row.product_id));
  const about = [row.product_id, row.category, row.warehouse_id].filter(Boolean).map(isolate).join(" · ");
  text(s.about, about);
  attr(s.about, "title", about);
  const stock = row.current_stock;
  number(s.stock, stock === null ? "–" : count(stock));
  number(s.of, `of ${count(row.full_stock)}`);
  drawBar(s, row);
  drawTrend(s, row);
  number(s.delta, row.updated ? signed(row.delta) : "–");
  text(s.at, row.gaps ? `${time(row.updated)} · ${count(row.gaps)} missing` : time(row.updated));
  s.at.classList.toggle("gap", !!row.gaps);
  const open = orders ? row.open_reorder : null;
  number(s.order, open ? `${count(open.reorder_quantity)} ${open.priority === "urgent" ? "urgent" : "ordered"}` : "");
  s.order.className = open ? "digits badge" + (open.priority === "urgent" ? " urgent" : "") : "";
  text(s.since, open ? `since ${time(open.timestamp)}` : "");
}

const zoneMark = () => document.documentElement.dataset.zone ?? "";

function drawBar(s, row) {
  const scale = (n) => Math.max(0, Math.min(100, (100 * n) / row.full_stock));
  attr(s.fill, "width", scale(row.current_stock ?? 0).toFixed(2));
  for (const [mark, at] of [[s.criticalMark, row.critical_threshold], [s.reorderMark, row.reorder_threshold]]) {
    attr(mark, "x1", scale(at).toFixed(2));
    attr(mark, "x2", scale(at).toFixed(2));
  }
  number(s.thresholds, row.in_catalog || row.reorder_threshold
    ? `critical ≤ ${count(row.critical_threshold)} · reorder ≤ ${count(row.reorder_threshold)}` : "not in the catalogue");
}

function drawTrend(s, row) {
  const points = row.trend;
  const top = Math.max(...points, 1);
  attr(s.line, "points", points.map((v, i) => `${(points.length > 1 ? (100 * i) / (points.length - 1) : 50).toFixed(1)},${(26 - (24 * v) / top).toFixed(1)}`).join(" "));
}
