// morph.js - make a part of the page like a newer one, touching only what
// differs: what has the focus, is open or scrolled stays so.
//
// data-keep: its children are the script's or the reader's, and stay.
// data-own: the script has put it there; the newer page has none.

const KEPT_ATTRIBUTES = new Set(["open", "data-after"]);

const own = node => node.nodeType === Node.ELEMENT_NODE && "own" in node.dataset;

// What stands for an element among its like: buttons by what they do and rows by
// what they are about, so that none changes its job under the pointer.
function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  if (node.id) return `#${node.id}`;
  if (node.nodeName === "BUTTON")
    return `button ${node.textContent} ${node.dataset.path ?? node.dataset.apply}`;
  const heading = node.nodeName === "TR" && node.querySelector("th");
  return heading ? `row ${heading.textContent}` : null;
}

const alike = (a, b) =>
  a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes)
    if (!KEPT_ATTRIBUTES.has(name) && old.getAttribute(name) !== value)
      old.setAttribute(name, value);
  for (const { name } of [...old.attributes])
    if (!KEPT_ATTRIBUTES.has(name) && !fresh.hasAttribute(name))
      old.removeAttribute(name);
}

// For each child of the newer page the old one that becomes it, or a new one.
function match(left, fresh) {
  const keyed = new Map(), plain = [];
  for (const node of left) {
    const key = keyOf(node);
    if (key === null) plain.push(node);
    else if (!keyed.has(key)) keyed.set(key, node);
  }
  return [...fresh.childNodes].map(child => {
    const key = keyOf(child);
    const old = key === null ? plain[0] : keyed.get(key);
    if (!old || !alike(old, child)) return document.importNode(child, true);
    if (key === null) plain.shift();
    else keyed.delete(key);
    morph(old, child);
    return old;
  });
}

function children(old, fresh) {
  const left = [...old.childNodes].filter(node => !own(node));
  const wanted = match(left, fresh), stays = new Set(wanted);
  for (const node of left) if (!stays.has(node)) node.remove();
  let at = old.firstChild;
  for (const node of wanted) {
    while (at !== null && own(at)) at = at.nextSibling;
    if (at === node) at = at.nextSibling;
    else old.insertBefore(node, at);
  }
}

export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  attributes(old, fresh);
  if (!("keep" in old.dataset)) children(old, fresh);
}
