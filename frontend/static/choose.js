/** Another hour is chosen: what there is to know of it is asked of the server and shown beside it. Without a script a button asks. */

import { renew } from "./morph.js";

const PATIENCE = 5000; // milliseconds
const hours = document.getElementById("hours");
/** @type {Promise<void> | null} */
let asking = null;
let turn = 0;

if (hours instanceof HTMLFormElement) {
  document.getElementById("show-hour")?.setAttribute("hidden", "");
  hours.addEventListener("change", () => (asking = ask(hours)));
  // Whoever is quicker than the answer proposes what they chose, and not what was chosen before.
  document.addEventListener("submit", later, { capture: true });
}

/** @param {HTMLFormElement} hours */
async function ask(hours) {
  const mine = ++turn;
  const query = new URLSearchParams([...new FormData(hours)].map(([name, value]) => [name, String(value)]));
  const address = `${location.pathname}?${query}`;
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== turn) return;
    if (!answer.ok || answer.redirected) return void location.assign(address);
    history.replaceState(null, "", address);
    renew(next);
    const page = document.querySelector("#propose [name=_page]");
    if (page instanceof HTMLInputElement) page.value = address; // also where a form that is being filled in was left alone
    asking = null;
  } catch {
    if (mine === turn) location.assign(address); // the browser says what is wrong
  }
}

/** @param {Event} event */
function later(event) {
  const form = event.target;
  if (!asking || !(form instanceof HTMLFormElement) || form.id !== "propose") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  void asking.then(() => asking === null && form.requestSubmit());
}
