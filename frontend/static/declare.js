/**
 * An answer of the person heard, signed: with a key that this page makes, never leaves it, and forgets.
 * What is signed are the words that stand on the page, not what the service says of them. A browser that cannot sign
 * shows no buttons; the page says then how else to answer.
 */

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const key = globalThis.crypto?.subtle?.generateKey(CURVE, false, ["sign", "verify"]);

document.addEventListener("renewed", () => void offer());
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-answer]") : null;
  const form = button?.closest("form");
  if (button instanceof HTMLElement && form) void answer(form, button.dataset.answer ?? "");
});
void offer();

/** Shows the buttons, once there is a key to sign with. */
async function offer() {
  if (!(await key?.catch(() => null))) return;
  for (const form of document.querySelectorAll("form[data-declares]")) {
    show(form.querySelector("[data-signs]"), true);
    show(form.querySelector("[data-aloud]"), false);
  }
}

/**
 * @param {Element | null} element
 * @param {boolean} seen
 */
function show(element, seen) {
  if (element instanceof HTMLElement) element.hidden = !seen;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} said yes or no
 */
async function answer(form, said) {
  if (!key || form.dataset.signing !== undefined || form.dataset.sending !== undefined) return;
  const given = new FormData(form);
  const unsaid = said === "yes" && form.elements.namedItem("advised") !== null && !given.has("advised");
  show(form.querySelector("[data-choose]"), unsaid);
  if (unsaid) return form.querySelector("fieldset")?.scrollIntoView({ block: "nearest" });
  form.dataset.signing = "";
  try {
    const { privateKey, publicKey } = await key;
    const lines = [...form.querySelectorAll("[data-line]")].map((line) => `${line.textContent}\n`);
    const digest = await crypto.subtle.digest("SHA-256", bytes(lines.join("")));
    const statement = {
      advised: given.get("advised") ?? undefined,
      answer: said,
      asked: given.get("asked"),
      hearing: `urn:uuid:${form.dataset.declares}`,
      language: form.dataset.language,
      participant: given.get("person"),
      sha256: [...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join(""),
      text: form.dataset.text,
      through: given.get("through") ?? undefined,
      version: form.dataset.version,
      what: given.get("what"),
    }; // names in their order, plain letters only: canonical JSON (RFC 8785)
    const signature = await crypto.subtle.sign(SIGNATURE, privateKey, bytes(JSON.stringify(statement)));
    put(form, "answer", said);
    put(form, "key", base64url(await crypto.subtle.exportKey("raw", publicKey)));
    put(form, "signature", base64url(signature));
    form.requestSubmit();
  } finally {
    delete form.dataset.signing;
  }
}

/** @param {string} text */
function bytes(text) {
  return new TextEncoder().encode(text);
}

/** @param {ArrayBuffer} data */
function base64url(data) {
  return btoa(String.fromCharCode(...new Uint8Array(data))).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function put(form, name, value) {
  const field = form.querySelector(`input[type=hidden][name="${name}"]`) ?? form.appendChild(document.createElement("input"));
  if (!(field instanceof HTMLInputElement)) return;
  Object.assign(field, { type: "hidden", name, value });
}
