// The page of a product: its stock and thresholds over the last hour, its last
// changes and its alerts.

import { $, el, isolate, morph, svg, words } from "./dom.js";
import { age, count, hhmm, money, signed, time } from "./format.js";
import { largest, sum } from "./numbers.js";
import { reordersKnown } from "./panels.js";

const hour = 3600000;

export function renderProduct(id, p, status) {
  const main = $("detail");
  if (!p) {
    // A product that is not in the catalogue is known once an update of it is read.
    const reading = !status || ["stock", "reorders", "charts"].includes(status.loading);
    morph(main, el("main", {}, el("div", { class: "detail-head" }, el("a", { href: "#/", id: "back" }, "← All products"), el("h2", { tabindex: "-1", id: "detail-title" }, isolate(id))),
      el("p", { class: "muted" }, reading ? "Loading…" : "No product has this id.")));
    return;
  }
  const fresh = el("main", {},
    el("div", { class: "detail-head", "data-s": p.severity }, el("a", { href: "#/", id: "back" }, "← All products"), el("h2", { tabindex: "-1", id: "detail-title" }, isolate(p.product_name)),
      el("span", { class: "sev" }, p.delisted ? "Delisted" : words[p.severity]), el("span", { class: "muted" }, isolate(p.product_id))),
    el("div", { class: "panel" }, el("div", { class: "panel-head" }, el("h2", {}, "Stock in the last hour")), ...history(p, status)),
    el("div", { class: "side" }, facts(p, status), alerts(p)),
    el("div", { class: "panel" }, el("div", { class: "panel-head" }, el("h2", {}, "Last changes")), changes(p)));
  morph(main, fresh);
}

function history(p, status) {
  const end = status?.window_end ?? Date.now();
  const start = end - hour;
  const points = p.history.filter((h) => h.time >= start);
  const first = points[0]?.time ?? end;
  const from = Math.min(Math.max(start, first), end - 60000); // a short history fills the width
  const most = largest([sum([p.reorder_threshold, p.reorder_threshold]), p.current_stock ?? 0, ...points.map((h) => h.stock), 1]);
  const top = most * 1.05;
  const x = (t) => ((1000 * Math.max(0, t - from)) / (end - from)).toFixed(1);
  const y = (v) => (260 - (250 * v) / top).toFixed(1);
  let path = "";
  points.forEach((h, i) => {
    path += i ? `H${x(h.time)}V${y(h.stock)}` : `M${x(h.time)},${y(h.stock)}`;
  });
  if (points.length) path += "H1000";
  const threshold = (name, v) => svg("line", { class: "threshold " + name, x1: "0", x2: "1000", y1: y(v), y2: y(v) });
  const label = (name, v, words) => {
    const node = el("span", { class: "label " + name }, words);
    node.style.top = `${(y(v) / 2.6).toFixed(2)}%`;
    return node;
  };
  const description = `Stock of ${isolate(p.product_name)} over the last hour: now ${p.current_stock === null ? "unknown" : count(p.current_stock)}, reorder at ${count(p.reorder_threshold)}, critical at ${count(p.critical_threshold)}.`;
  const apart = Math.abs(y(p.reorder_threshold) - y(p.critical_threshold)) > 16;
  const table = el("details", { class: "data body" }, el("summary", {}, "As a table"),
    el("div", { tabindex: "0", role: "region", "aria-label": "Stock, as a table" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), el("th", { scope: "col" }, "Stock"))),
      el("tbody", {}, ...points.toReversed().map((h) => el("tr", {}, el("td", {}, time(h.time)), el("td", {}, count(h.stock))))))));
  return [
    el("div", { class: "history" },
      svg("svg", { viewBox: "0 0 1000 260", preserveAspectRatio: "none", role: "img", "aria-label": description },
        points.length ? svg("path", { class: "area", d: `${path}V260H${x(points[0].time)}Z` }) : undefined,
        threshold("reorder", p.reorder_threshold), threshold("critical", p.critical_threshold),
        points.length ? svg("path", { class: "stock-line", d: path }) : undefined),
      label("most", most, count(most)),
      label("reorder", apart ? p.reorder_threshold : (p.reorder_threshold + top * 0.03), `reorder ≤ ${count(p.reorder_threshold)}`),
      label("critical", apart ? p.critical_threshold : (p.critical_threshold - top * 0.03), `critical ≤ ${count(p.critical_threshold)}`)),
    el("div", { class: "axis", "aria-hidden": "true" }, el("span", {}, hhmm(from)), el("span", {}, hhmm((from + end) / 2)), el("span", {}, hhmm(end))),
    table,
  ];
}

function facts(p, status) {
  const rows = [];
  const row = (name, value, bad) => value !== "" && value !== undefined && rows.push(el("dt", {}, name), el("dd", { class: bad ? "warn" : undefined, title: value }, value));
  row("Category", isolate(p.category));
  row("Warehouse", isolate(p.warehouse_id));
  row("Price", money(p.unit_price));
  row("Reorder at", count(p.reorder_threshold));
  row("Critical at", count(p.critical_threshold));
  row("Reorder quantity", count(p.reorder_quantity));
  row("Updates", p.seq ? count(p.seq) : "");
  row("Last update", time(p.updated));
  if (p.gaps) row("Missing updates", count(p.gaps), true);
  if (!p.in_catalog) row("Catalogue", "not listed", true);
  const open = p.open_reorder;
  const known = reordersKnown(status);
  row("Open reorder", !known ? "Loading…" : open ? `${count(open.reorder_quantity)} since ${time(open.timestamp)}` : status.loading ? "none so far" : "none");
  if (open && known) row("Waiting", age(status.now - open.timestamp), open.priority === "urgent");
  return el("section", { class: "panel", "data-s": p.severity, "aria-label": "Facts" },
    el("div", { class: "body" }, el("p", { class: "detail-stock" }, p.current_stock === null ? "–" : count(p.current_stock)), el("p", { class: "sev" }, words[p.severity])),
    el("div", { class: "body" }, el("dl", { class: "kv" }, ...rows)));
}

const causes = { delivery: "delivery", opening: "opening stock", catalog: "catalogue changed", "": "–" };

// causeOf names what changed the stock; an order by its id, which often says that it is
// one.
function causeOf(c) {
  if (c.kind !== "order") return causes[c.kind];
  return /^order/i.test(c.order_id) ? isolate(c.order_id) : `order ${isolate(c.order_id ?? "")}`.trim();
}

function changes(p) {
  const head = [["Time"], ["Change", "n"], ["Stock", "n"], ["Cause", "cause"], ["Unfilled", "n"], ["No.", "n number"]];
  return el("div", { class: "wrap", tabindex: "0", role: "region", "aria-label": "Last changes" }, el("table", { class: "list" },
    el("thead", {}, el("tr", {}, ...head.map(([h, name]) => el("th", { scope: "col", class: name }, h)))),
    el("tbody", {}, ...p.changes.map((c) => el("tr", {}, el("td", {}, time(c.timestamp)),
      el("td", { class: "n" }, c.delta === null ? "–" : signed(c.delta)), el("td", { class: "n" }, count(c.current_stock)),
      el("td", { class: "cause", title: `${causeOf(c)}  ${isolate(c.cause)}` }, causeOf(c)),
      el("td", { class: "n" }, c.unmet_quantity ? count(c.unmet_quantity) : ""), el("td", { class: "n number" }, c.seq ? count(c.seq) : "–"))))));
}

function alerts(p) {
  const items = p.alerts.map((a) => el("li", {}, el("span", { class: "sev", "data-s": a.current_stock > 0 ? "critical" : "out" }, `${count(a.current_stock)} left`), el("small", {}, time(a.timestamp))));
  return el("section", { class: "panel", "aria-label": "Alerts of this product" }, el("div", { class: "panel-head" }, el("h2", {}, "Alerts")),
    el("ol", { class: "feed", tabindex: "0", "aria-label": "Alerts, newest first" }, ...(items.length ? items : [el("li", { class: "none" }, "No recent alerts")])));
}
