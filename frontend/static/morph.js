/**
 * Makes a part of the page what the server says it is now, without losing what a person is doing: focus, an open
 * detail, a form that is being filled in, a picture that is playing.
 *
 * Elements with `data-keep` belong to a script and are left as they are; those with `data-once` are told once, and
 * stay although the server does not tell them again.
 */

/**
 * @param {Document} next the page as it is now
 * @param {{forget?: string}} [options] `forget`: the id of a form whose typed text is no longer wanted
 */
export function renew(next, options = {}) {
  document.title = next.title;
  for (const region of document.querySelectorAll("[data-live]")) {
    if (region.parentElement?.closest("[data-live]")) continue;
    const now = next.getElementById(region.id);
    if (now) become(region, document.importNode(now, true), options.forget ?? "");
  }
  document.dispatchEvent(new Event("renewed"));
}

/**
 * @param {Element} old
 * @param {Element} now
 * @param {string} forget
 */
function become(old, now, forget) {
  if (old.hasAttribute("data-keep")) return;
  if (old instanceof HTMLFormElement && old.id !== forget && beingTyped(old)) return;
  sameAttributes(old, now);
  sameChildren(old, now, forget);
  if (forget && old.closest("form")?.id === forget) sameValue(old, now);
}

/**
 * Or being sent: another copy of it could then be pressed.
 * @param {HTMLFormElement} form
 */
function beingTyped(form) {
  const active = document.activeElement;
  return form.dataset.touched !== undefined || form.dataset.sending !== undefined || (active !== null && form.contains(active) && active.matches("input, select, textarea"));
}

/**
 * @param {Element} old
 * @param {Element} now
 */
function sameAttributes(old, now) {
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && !ours(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value && !ours(old, name)) old.setAttribute(name, value);
  }
}

/**
 * Whether an attribute says what a person or a script did, which the server does not know.
 * @param {Element} element
 * @param {string} name
 */
function ours(element, name) {
  return (name === "open" && element instanceof HTMLDetailsElement) || name === "data-touched" || name === "data-large" || name === "aria-disabled";
}

/**
 * @param {Element} old
 * @param {Element} now
 */
function sameValue(old, now) {
  if (old instanceof HTMLInputElement && now instanceof HTMLInputElement) {
    if (old.type === "checkbox" || old.type === "radio") old.checked = now.checked;
    else if (old.type !== "file") old.value = now.value;
  } else if (old instanceof HTMLTextAreaElement && now instanceof HTMLTextAreaElement) old.value = now.value;
  else if (old instanceof HTMLSelectElement && now instanceof HTMLSelectElement) old.value = now.value;
}

/**
 * @param {Element} old
 * @param {Element} now
 * @param {string} forget
 */
function sameChildren(old, now, forget) {
  /** @type {ChildNode | null} */
  let at = old.firstChild;
  for (const wanted of [...now.childNodes]) {
    const found = match(at, wanted);
    if (!found) {
      old.insertBefore(wanted, at);
      continue;
    }
    while (at && at !== found) {
      if (at instanceof Element && inUse(at)) {
        old.insertBefore(found, at); // what is in use stays, if it comes later
        break;
      }
      const next = at.nextSibling;
      drop(at);
      at = next;
    }
    if (found instanceof Element && wanted instanceof Element) become(found, wanted, forget);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
    at = found.nextSibling;
  }
  while (at) {
    const next = at.nextSibling;
    drop(at);
    at = next;
  }
}

/** @param {ChildNode} node */
function drop(node) {
  if (!(node instanceof Element && node.hasAttribute("data-once"))) node.remove();
}

/**
 * Whether somebody is filling in a form in there.
 * @param {Element} element
 */
function inUse(element) {
  return [element, ...element.querySelectorAll("form")].some((one) => one instanceof HTMLFormElement && beingTyped(one));
}

/**
 * The child from `at` on, that `wanted` is the new state of: the same id; without one, the next of its kind.
 * @param {ChildNode | null} at
 * @param {ChildNode} wanted
 * @returns {ChildNode | null}
 */
function match(at, wanted) {
  const id = wanted instanceof Element ? wanted.id : "";
  for (let child = at; child; child = child.nextSibling) {
    const same = child.nodeName === wanted.nodeName && (child instanceof Element ? child.id : "") === id;
    if (same) return child;
    if (!id && child instanceof Element && child.id) return null; // what has a name is never skipped for what has none
  }
  return null;
}
