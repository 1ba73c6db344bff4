// A panel for each topology that the scenario declares: how many records it wrote in each
// minute, and the last ones as the views of their topics show them.

import { $, attr, el, isolate, show, svg, text } from "./dom.js";
import { count, hhmm, plural, time } from "./format.js";
import { staleness } from "./panels.js";

const minute = 60000;
const most = 60; // bars
const lines = 12;
const severities = { critical: "critical", warning: "low", good: "ok" };

export class Topologies {
  #panels = new Map();

  clear() {
    for (const p of this.#panels.values()) p.minutes.clear();
  }

  take(list) {
    for (const t of list) {
      let p = this.#panels.get(t.topology);
      if (!p) this.#panels.set(t.topology, (p = make(t, `topology-${this.#panels.size}`)));
      p.data = t;
      for (const m of t.minutes) p.minutes.set(m.time, m.records);
    }
  }

  render(status, now) {
    show($("topologies"), this.#panels.size > 0);
    const stale = staleness(status, "topologies");
    for (const p of this.#panels.values()) draw(p, now, stale);
  }
}

function make(t, id) {
  const p = { minutes: new Map(), entries: [] };
  p.total = el("p", { class: "muted" });
  p.rects = Array.from({ length: most }, () => svg("rect"));
  p.svg = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img" }, ...p.rects);
  p.from = el("span");
  p.to = el("span");
  p.list = el("ol", { class: "feed", tabindex: "0", "aria-label": `The last records of ${isolate(t.topology)}, newest first` });
  p.none = el("li", { class: "none" }, "No records yet");
  p.list.append(p.none);
  p.panel = el("section", { class: "panel topology", "aria-labelledby": id },
    el("div", { class: "panel-head" }, el("h2", { id, title: t.about ? isolate(t.about) : undefined }, isolate(t.topology)), p.total),
    el("div", { class: "body" }, t.about ? el("p", { class: "small" }, isolate(t.about)) : null,
      el("div", { class: "plot" }, p.svg), el("div", { class: "axis", "aria-hidden": "true" }, p.from, p.to)),
    p.list);
  $("topologies").append(p.panel);
  return p;
}

function draw(p, now, stale) {
  const end = lastMinute(p, now);
  for (const t of p.minutes.keys()) if (t <= end - most * minute) p.minutes.delete(t);
  const values = Array.from({ length: most }, (_, i) => p.minutes.get(end - (most - 1 - i) * minute) ?? 0);
  const top = Math.max(1, ...values.map(Number));
  p.rects.forEach((r, i) => {
    const height = values[i] > 0 ? Math.max(1.5, (92 * Number(values[i])) / top) : 0;
    attr(r, "x", i * 10 + 1);
    attr(r, "width", 8);
    attr(r, "y", (100 - height).toFixed(1));
    attr(r, "height", height.toFixed(1));
  });
  const hour = values.reduce((n, v) => n + Number(v), 0);
  text(p.total, [`${count(hour)} in 1 h`, stale].filter(Boolean).join(" · "));
  attr(p.total, "title", `${plural(p.data.total, "record")} read`);
  attr(p.svg, "aria-label", `${isolate(p.data.topology)}: records in each minute of the last hour, ${count(hour)} in all, at most ${count(top)}`);
  text(p.from, hhmm(end - (most - 1) * minute));
  text(p.to, hhmm(end));
  drawLines(p);
}

// lastMinute returns the end of the hour that is shown: now, or the last minute with a
// record if all are older than an hour.
function lastMinute(p, now) {
  const end = Math.floor(now / minute) * minute;
  const newest = Math.max(0, ...p.minutes.keys());
  return newest && newest <= end - most * minute ? newest : end;
}

function drawLines(p) {
  const last = p.data.last.slice(0, lines);
  while (p.entries.length < last.length) {
    const e = { head: el("b"), right: el("small", { class: "right" }), about: el("small") };
    e.mark = el("span", {}, e.head);
    e.li = el("li", {}, e.mark, e.right, e.about);
    p.entries.push(e);
    p.none.before(e.li);
  }
  while (p.entries.length > last.length) p.entries.pop().li.remove();
  last.forEach((line, i) => {
    const e = p.entries[i];
    const [first, ...others] = line.columns.map(isolate);
    attr(e.mark, "class", severities[line.severity] ? "sev" : null);
    attr(e.mark, "data-s", severities[line.severity] ?? null);
    text(e.head, first ?? "");
    text(e.right, time(line.timestamp));
    text(e.about, (p.data.topics.length > 1 ? [isolate(line.topic), ...others] : others).join(" · "));
    attr(e.about, "title", e.about.textContent);
  });
  show(p.none, !last.length);
}
