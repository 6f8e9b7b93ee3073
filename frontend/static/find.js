/** The rule is asked anew when one of its questions changes. Without a script a button asks it. */

import { renew } from "./morph.js";

const ASKED = ["requesting", "requested", "aim", "capacity"];
const PATIENCE = 5000; // milliseconds
const form = document.getElementById("new");
const found = document.getElementById("found");
let asked = 0;

if (form instanceof HTMLFormElement && found) {
  let byHand = chosen(form) !== "" && chosen(form) !== found.dataset.found;
  form.addEventListener("change", (event) => {
    const name = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement ? event.target.name : "";
    if (name === "instrument") byHand = true;
    if (ASKED.includes(name)) void ask(form, found).then(() => byHand || choose(form, found.dataset.found ?? ""));
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} found
 */
async function ask(form, found) {
  const turn = ++asked;
  const typed = new FormData(form);
  const query = new URLSearchParams();
  for (const name of ASKED) if (typed.get(name)) query.set(name, String(typed.get(name)));
  try {
    const answer = await fetch(`/hearings/new?${query}`, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn !== asked || answer.redirected) return;
    if (answer.ok) return renew(next);
    found.dataset.found = "";
    found.textContent = next.querySelector("h1")?.textContent ?? "";
  } catch {
    found.textContent = ""; // the button asks, and says what is wrong
  }
}

/** @param {HTMLFormElement} form */
function chosen(form) {
  return String(new FormData(form).get("instrument") ?? "");
}

/**
 * @param {HTMLFormElement} form
 * @param {string} instrument
 */
function choose(form, instrument) {
  for (const one of form.querySelectorAll("input[name=instrument]")) if (one instanceof HTMLInputElement) one.checked = one.value === instrument;
}
