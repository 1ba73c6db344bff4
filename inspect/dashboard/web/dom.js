// Changes to the document. Text from topics only becomes text nodes and attributes
// that hold no code.

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

// text and attr touch the document only if something changes. text keeps the text
// node, which must be the only child: the style of a new one would be recalculated.
export function text(node, value) {
  const own = node.firstChild;
  if (!own) node.append(value);
  else if (own.data !== value) own.data = value;
}

// number shows one that may be too long for its place, then also as a title.
export function number(node, value) {
  text(node, value);
  attr(node, "title", value.length > 8 ? value : null);
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

// morph changes the children of a node to those of a fresh one in place: focus,
// selection, open details and scroll positions stay.
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
    if (name === "style") node.style.cssText = fresh.style.cssText; // the content policy forbids the attribute
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  morph(node, fresh);
}

// What changes the direction of text, or begins a paragraph, in which isolates end.
const directional = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const paragraphs = /[\n\r\x1c-\x1e\x85\u2028\u2029]/g;

// isolate makes text from topics safe to stand beside other text: its direction ends
// with it. A text that ends isolates which it has not begun would escape, so those
// characters are left out.
export function isolate(value) {
  const line = String(value ?? "").replace(paragraphs, " ");
  if (!directional.test(line)) return line;
  let begun = 0;
  let safe = "";
  for (const c of line) {
    if (c >= "\u2066" && c <= "\u2068") begun++;
    else if (c === "\u2069" && --begun < 0) {
      begun = 0;
      continue;
    }
    safe += c;
  }
  return "\u2068" + safe + "\u2069".repeat(begun + 1);
}

// spell is isolate for sentences that others wrote around names, which are not
// isolated: bidi controls are spelled out.
export const spell = (sentence) =>
  isolate(String(sentence ?? "").replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")));

export const productHref = (id) => "#/product/" + encodeURIComponent(id);

export const words = { out: "Out", critical: "Critical", low: "Low", ok: "In stock", unknown: "Unknown" };

export function remember(key, value) {
  try {
    localStorage.setItem("inv-" + key, value);
  } catch {
    // private windows may refuse; it then applies to this page only
  }
}

export function recall(key) {
  try {
    return localStorage.getItem("inv-" + key);
  } catch {
    return null;
  }
}
