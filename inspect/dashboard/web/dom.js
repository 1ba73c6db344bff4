// The few things that the page does with the document. Text from topics only
// ever goes through textContent and through attributes that hold no code.

const svgNamespace = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== undefined && c !== null));
  return node;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(svgNamespace, tag), attributes, children);

// text and attr touch the document only when something changes. An element whose
// text text sets has nothing else in it: its one text node stays, since another
// one would have its style worked out anew.
export function text(node, value) {
  const own = node.firstChild;
  if (!own) node.append(value);
  else if (own.data !== value) own.data = value;
}

export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// morph gives a node the children of a fresh one with as few changes as there
// are: focus, selection, what is open and where it is scrolled to stay.
export function morph(node, fresh) {
  const was = [...node.childNodes];
  const now = [...fresh.childNodes];
  now.forEach((child, i) => (was[i] ? morphOne(was[i], child) : node.append(child)));
  for (const extra of was.slice(now.length)) extra.remove();
}

function morphOne(node, fresh) {
  if (node.nodeName !== fresh.nodeName) {
    node.replaceWith(fresh);
    return;
  }
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return;
  }
  for (const { name } of [...node.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (name === "style") node.style.cssText = fresh.style.cssText; // as an attribute the content policy refuses it
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  morph(node, fresh);
}

export const productHref = (id) => "#/product/" + encodeURIComponent(id);

export const words = { out: "Out", critical: "Critical", low: "Low", ok: "In stock", unknown: "Unknown" };

export function remember(key, value) {
  try {
    localStorage.setItem("inv-" + key, value);
  } catch {
    // private windows may refuse; then it holds for this page
  }
}

export function recall(key) {
  try {
    return localStorage.getItem("inv-" + key);
  } catch {
    return null;
  }
}
