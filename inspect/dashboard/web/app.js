// The page: collects what the stream sends and draws it, at most once a frame.

import { Charts } from "./charts.js";
import { $, attr, el, isolate, recall, remember, show, spell, text, words } from "./dom.js";
import { age, count, isUTC, plural, setCurrency, setUTC, time } from "./format.js";
import { Alerts, Reorders, reordersKnown, renderDead, renderDenied, renderFacts, renderSystem, staleness } from "./panels.js";
import { renderProduct } from "./product.js";
import { Stream } from "./stream.js";
import { pageSize, Table } from "./table.js";
import { Topologies } from "./topologies.js";

const state = {
  rows: new Map(),
  page: { total: 0, offset: 0, order: [] },
  status: null, counts: null, facets: null, reorders: null, problems: { malformed: [] }, dead_letters: null, product: null,
  connection: "connecting", why: "", skew: 0, build: null, hint: "",
};
const filter = { q: "", category: "", warehouse: "", severity: new Set(), sort: "urgency" };
const dirty = new Set();

const charts = new Charts();
const alerts = new Alerts();
const reorders = new Reorders();
const topologies = new Topologies();
const table = new Table(() => view());
const stream = new Stream({ frame: takeFrame, hello: takeHello, state: takeState });

// -------------------------------------------------------------------- receiving

function takeHello(hello) {
  state.hint = hello.empty ?? "";
  state.build ??= hello.build;
  if (hello.build !== state.build) offerReload();
}

function takeState(connection, why = "") {
  if (connection === state.connection && why === state.why) return;
  state.connection = connection;
  state.why = why;
  draw("status");
}

// The sections of a frame that replace the ones before, with the parts of the page
// that show them.
const sections = {
  counts: ["status"], facets: ["facets"], reorders: ["reorders", "status"], dead_letters: ["dead"], problems: ["status"], product: ["product"],
};

function takeFrame(type, f) {
  const whole = type === "snapshot";
  if (whole) {
    charts.clear();
    topologies.clear();
    state.rows.clear();
    state.product = null;
  }
  if (whole || f.status) draw("product"); // a product that no frame has may be unknown
  if (f.status) {
    if (f.status.loading !== state.status?.loading || JSON.stringify(f.status.denied) !== JSON.stringify(state.status?.denied)) {
      draw("alerts", "reorders", "dead", "table", "topologies");
    }
    state.status = f.status;
    setCurrency(f.status.currency);
    state.skew = f.status.now - Date.now();
    draw("status", "charts");
  }
  for (const [name, parts] of Object.entries(sections)) {
    if (!f[name]) continue;
    state[name] = f[name];
    draw(...parts);
  }
  if (f.reorders) reorders.take(f.reorders);
  if (f.products) takeProducts(f.products);
  if (f.minutes) {
    charts.take(f.minutes);
    draw("charts");
  }
  if (f.topologies) {
    topologies.take(f.topologies);
    draw("topologies");
  }
  if (f.alerts) {
    announce(alerts.take(f.alerts, whole));
    draw("alerts");
  }
}

function takeProducts(products) {
  if (productId()) return; // its view has no rows; the table keeps its own until it is visible again
  for (const row of products.rows) state.rows.set(row.product_id, row);
  const order = products.order ?? state.page.order;
  state.page = { total: products.total, offset: products.offset, order };
  if (state.rows.size > order.length) {
    const shown = new Set(order);
    for (const id of state.rows.keys()) if (!shown.has(id)) state.rows.delete(id);
  }
  draw("table");
}

// announce reads critical alerts to screen readers, at most every five seconds.
let untold = [];
let telling = 0;
function announce(items) {
  untold.push(...items);
  if (!untold.length || telling) return;
  const tell = () => {
    telling = 0;
    if (!untold.length) return;
    const [newest] = untold;
    $("announcer").textContent = (untold.length > 1 ? `${plural(untold.length, "new critical alert")}, the newest: ` : "Critical: ") +
      `${isolate(newest.product_name || newest.product_id)}, ${count(newest.current_stock)} left`;
    untold = [];
    telling = setTimeout(tell, 5000);
  };
  telling = setTimeout(tell, 200);
}

// ---------------------------------------------------------------------- drawing

// Parts that are drawn in one frame, by priority: spread over several, no frame
// takes long when everything changes at once.
const turns = [["status", "table", "product"], ["alerts", "reorders"], ["charts", "dead", "facets", "topologies"]];
const chartsEvery = 500; // ms
let lastTurn = null;
let scheduled = false;
let chartsAt = -chartsEvery; // when they were last drawn
let chartsTimer = 0;

function draw(...parts) {
  for (const p of parts) dirty.add(p);
  if (scheduled || !dirty.size) return;
  scheduled = true;
  requestAnimationFrame(drawTurn);
}

const serverNow = () => Date.now() + state.skew;

function drawTurn() {
  scheduled = false;
  for (const part of dirty) if (!visible(part)) dirty.delete(part); // drawn when it is visible again
  const waiting = turns.filter((parts) => parts.some((p) => dirty.has(p)));
  lastTurn = waiting[0] === lastTurn && waiting.length > 1 ? waiting[1] : waiting[0];
  for (const part of lastTurn ?? []) if (dirty.delete(part)) drawPart[part]();
  draw();
}

const visible = (part) => part === "status" || !!productId() === (part === "product");

const drawPart = {
  status: drawStatus,
  table: drawTable,
  product: drawProduct,
  alerts: () => alerts.render(state.status),
  reorders: () => reorders.render(serverNow(), state.status),
  charts: drawCharts,
  topologies: () => topologies.render(state.status, serverNow()),
  dead: () => state.dead_letters && renderDead(state.dead_letters, state.status),
  facets: () => state.facets && drawFacets(),
};

function drawProduct() {
  renderProduct(productId(), state.product, state.status);
  nameDocument();
}

// nameDocument puts the product's name in the title of the tab.
function nameDocument() {
  const id = productId();
  document.title = id ? `${isolate(state.product?.product_name || id)} – Inventory` : "Inventory";
}

function drawCharts() {
  clearTimeout(chartsTimer);
  const wait = chartsAt + chartsEvery - performance.now();
  if (wait > 0) {
    chartsTimer = setTimeout(() => draw("charts"), wait);
  } else if (state.status) {
    chartsAt = performance.now();
    charts.render(state.status);
  }
}

function drawTable() {
  table.render(state.page, state.rows, reordersKnown(state.status));
  const { total } = state.page;
  text($("shown"), filtered() ? `${count(total)} ${total === 1 ? "match" : "matches"}` : plural(total, "product"));
  text($("empty"), filtered() ? "No product matches. Clear the filters to see all."
    : staleness(state.status, "catalog", "updates") ? "The products can't be read."
    : state.status?.loading === "stock" ? "Reading the topics…" : "No products yet" + (state.hint && ": " + state.hint) + ".");
}

const sentence = (words) => words && words[0].toUpperCase() + words.slice(1) + (words.endsWith(".") ? "" : ".");

function drawStatus() {
  const s = state.status;
  renderFacts(state);
  if (s) renderSystem(s, state.problems);
  const trouble = spell(sentence(state.connection === "stale" ? state.why : s?.trouble ?? ""));
  const stale = state.connection === "stale" || state.connection === "live" && !!trouble;
  const asOf = s ? time(s.as_of || s.now) : "";
  document.documentElement.toggleAttribute("data-stale", stale);
  const name = stale ? "stale" : s?.loading === "stock" && state.connection === "live" ? "loading" : state.connection;
  attr($("connection"), "data-state", name);
  text($("connection-text"), { live: "Live", stale: "Stale", loading: "Reading the topics…", hidden: "Paused", connecting: "Connecting…" }[name]);
  text($("asof"), s ? `as of ${asOf}` : "");
  const banner = $("banner");
  if (stale) {
    banner.className = "banner";
    const message = (s ? `Stale: showing data from ${asOf}, ${age(serverNow() - (s.as_of || s.now))} ago. ` : "") + trouble;
    if (banner.textContent !== message) banner.textContent = message;
  }
  const incomplete = renderDenied(s);
  if (!stale && incomplete && !banner.classList.contains("info")) {
    banner.className = "banner";
    if (banner.textContent !== incomplete) banner.textContent = incomplete;
  }
  if (!banner.classList.contains("info")) show(banner, stale || !!incomplete);
}

function drawFacets() {
  for (const [id, list, all] of [["category", state.facets.categories, "All categories"], ["warehouse", state.facets.warehouses, "All warehouses"]]) {
    const select = $(id);
    const wanted = filter[id];
    const names = list.map((f) => f.name);
    if (wanted && !names.includes(wanted)) names.push(wanted);
    const key = names.join("\n");
    if (select.dataset.key === key || document.activeElement === select) continue;
    select.dataset.key = key;
    select.replaceChildren(el("option", { value: "" }, all), ...names.map((n) => el("option", { value: n }, isolate(n))));
    select.value = wanted;
    select.title = isolate(wanted);
  }
}

function offerReload() {
  const banner = $("banner");
  banner.className = "banner info";
  const button = el("button", { type: "button" }, "Reload");
  button.addEventListener("click", () => location.reload());
  banner.replaceChildren("The dashboard has been updated.", button);
  banner.hidden = false;
}

// --------------------------------------------------------------------- the view

const filtered = () => !!(filter.q || filter.category || filter.warehouse || filter.severity.size);

function productId() {
  const match = location.hash.match(/^#\/product\/(.+)$/);
  try {
    return match ? decodeURIComponent(match[1]) : "";
  } catch {
    return "";
  }
}

// parameters returns the filters for a URL.
function parameters() {
  const query = new URLSearchParams();
  for (const name of ["q", "category", "warehouse"]) if (filter[name]) query.set(name, filter[name]);
  if (filter.severity.size) query.set("severity", [...filter.severity].join(","));
  return query;
}

// view requests what is visible from the server.
function view() {
  const query = parameters();
  const id = productId();
  if (id) query.set("product", id);
  const [sort, order] = filter.sort.split(" ");
  query.set("sort", sort);
  if (order) query.set("order", order);
  query.set("offset", table.offset);
  query.set("limit", id ? 0 : pageSize);
  stream.view(query.toString());
}

function showFilters() {
  show($("clear"), filtered());
  for (const tile of document.querySelectorAll(".tile")) {
    const on = filter.severity.has(tile.dataset.severity);
    attr(tile, "aria-pressed", String(on));
    attr(tile, "title", on ? "Filter on: press to remove it" : "Press to show only these");
  }
}

function refilter() {
  table.toTop();
  showFilters();
  const hash = parameters();
  if (filter.sort !== "urgency") hash.set("sort", filter.sort);
  history.replaceState(null, "", hash.size ? "#/?" + hash : "#/");
  view();
}

function readHash() {
  const before = parameters().toString() + filter.sort;
  const query = new URLSearchParams(location.hash.match(/^#\/\?(.*)$/)?.[1] ?? "");
  for (const name of ["q", "category", "warehouse"]) filter[name] = query.get(name) ?? "";
  filter.severity = new Set((query.get("severity") ?? "").split(",").filter((s) => s in words));
  filter.sort = query.get("sort") ?? "urgency";
  if (![...$("sort").options].some((o) => o.value === filter.sort)) filter.sort = "urgency";
  $("search").value = filter.q;
  $("sort").value = filter.sort;
  for (const id of ["category", "warehouse"]) if ([...$(id).options].some((o) => o.value === filter[id])) $(id).value = filter[id];
  if (parameters().toString() + filter.sort !== before) table.toTop();
  showFilters();
}

let cameFrom = "#/";
let focusBack = "";
function route() {
  const id = productId();
  show($("overview"), !id);
  show($("detail"), !!id);
  if (id) {
    focusBack = id;
    state.product = null;
    drawProduct();
    scrollTo(0, 0);
  } else {
    nameDocument();
    draw("table", "charts", "alerts", "reorders", "dead", "facets", "topologies");
  }
  view();
}

addEventListener("hashchange", (e) => {
  const left = new URL(e.oldURL).hash;
  const fromProduct = left.startsWith("#/product/");
  if (productId()) {
    if (!fromProduct) cameFrom = left || "#/";
  } else {
    if (fromProduct && location.hash === "#/") history.replaceState(null, "", cameFrom);
    readHash();
  }
  route();
  if (productId()) {
    $("detail-title").focus({ preventScroll: true });
  } else if (focusBack) {
    const link = document.querySelector(`tr[data-id="${CSS.escape(focusBack)}"] a`);
    (link ?? $("products-title")).focus({ preventScroll: true });
    focusBack = "";
  }
});

// The skip link moves the focus only: its address would be another route.
document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault();
  const to = productId() ? $("detail-title") ?? $("detail") : $("products");
  to.focus();
  to.scrollIntoView();
});

// -------------------------------------------------------------------- controls

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    filter.q = $("search").value.trim();
    refilter();
  }, 150);
});
for (const id of ["category", "warehouse", "sort"]) {
  $(id).addEventListener("change", () => {
    filter[id] = $(id).value;
    $(id).title = $(id).selectedOptions[0].text;
    refilter();
  });
}
for (const tile of document.querySelectorAll(".tile")) {
  text(tile.querySelector(".sev"), words[tile.dataset.severity]);
  tile.addEventListener("click", () => {
    const s = tile.dataset.severity;
    if (!filter.severity.delete(s)) filter.severity.add(s);
    refilter();
  });
}
$("clear").addEventListener("click", () => {
  Object.assign(filter, { q: "", category: "", warehouse: "", severity: new Set() });
  for (const id of ["search", "category", "warehouse"]) $(id).value = $(id).title = "";
  refilter();
  $("search").focus();
});

addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName) && !productId()) {
    e.preventDefault();
    $("search").focus();
  }
  if (e.key === "Escape" && productId()) location.hash = cameFrom;
});

function setZone(utc) {
  setUTC(utc);
  document.documentElement.dataset.zone = utc ? "utc" : "local";
  text($("zone"), utc ? "Times: UTC" : "Times: local");
  draw("status", "table", "charts", "alerts", "reorders", "dead", "topologies", "product");
}
$("zone").addEventListener("click", () => {
  setZone(!isUTC());
  remember("zone", isUTC() ? "utc" : "local");
});

const themes = ["auto", "light", "dark"];
function setTheme(theme) {
  attr(document.documentElement, "data-theme", theme === "auto" ? null : theme);
  text($("theme"), `Theme: ${theme}`);
}
$("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = themes[(themes.indexOf(now) + 1) % themes.length];
  setTheme(next);
  remember("theme", next);
});

setInterval(() => draw("reorders", "status"), 1000); // ages
setInterval(() => document.hidden || requestAnimationFrame(() => table.drawRest()), 200);
setTheme(themes.includes(recall("theme")) ? recall("theme") : "auto");
setZone(recall("zone") === "utc");
readHash();
route();
