/**
 * Every page: what is wrong is shown first, a form is sent once, a link is copied, and a live page renews itself.
 * Without this script everything works the same, by loading pages.
 */

import { keepMuted } from "./devices.js";
import { renew } from "./morph.js";
import { Socket } from "./socket.js";
import { word } from "./words.js";

const stays = document.body.dataset.stay !== undefined;

keepMuted();
document.getElementById("problem")?.focus();
document.querySelector(".spine [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("input", (event) => {
  if (event.target instanceof Element) event.target.closest("form")?.setAttribute("data-touched", "");
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (form.dataset.sending !== undefined) return event.preventDefault();
  form.dataset.sending = "";
  const button = event.submitter;
  button?.setAttribute("aria-disabled", "true");
  if (!stays || form.method !== "post") return void setTimeout(() => release(form, button), 8000);
  event.preventDefault();
  void send(form).finally(() => release(form, button));
});

window.addEventListener("pageshow", () => {
  for (const form of document.forms) release(form, null);
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (button instanceof HTMLElement) void copy(button);
});

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} button
 */
function release(form, button) {
  delete form.dataset.sending;
  for (const one of button ? [button] : form.querySelectorAll("[aria-disabled]")) one.removeAttribute("aria-disabled");
}

/**
 * Sends a form without leaving the page, and shows what the page is then.
 * @param {HTMLFormElement} form
 */
async function send(form) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { accept: "text/html" } });
    if (new URL(answer.url).pathname !== location.pathname) return void location.assign(answer.url);
    const next = parse(await answer.text());
    delete form.dataset.touched;
    renew(next, { forget: form.id });
    document.getElementById("problem")?.focus();
    say("");
  } catch {
    say(word("unreached"));
  }
}

/** @param {string} html */
function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/** @param {HTMLElement} button */
async function copy(button) {
  const what = document.getElementById(button.dataset.copy ?? "");
  if (!what) return;
  try {
    await navigator.clipboard.writeText(what.textContent?.trim() ?? "");
    const before = button.textContent;
    button.textContent = button.dataset.copied ?? before;
    setTimeout(() => (button.textContent = before), 4000);
  } catch {
    getSelection()?.selectAllChildren(what); // the person copies it by hand
  }
}

/**
 * One line at the top that says what is wrong with the connection.
 * @param {string} sentence
 */
export function say(sentence) {
  const line = document.getElementById("line");
  if (!line) return;
  line.hidden = !sentence;
  if (line.textContent !== sentence) line.textContent = sentence;
}

let renewing = false;
let again = false;

/** Fetches this page as it is now; news that come meanwhile make one more turn. */
export async function refresh() {
  again = renewing;
  if (renewing) return;
  renewing = true;
  try {
    do {
      again = false;
      const answer = await fetch(location.pathname + location.search.replace(/[?&]kept=[^&]*/, ""), { headers: { accept: "text/html" } });
      if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return void location.assign(answer.url);
      if (answer.ok) renew(parse(await answer.text()));
    } while (again);
  } catch {
    // the socket says when the service is back, and then this is asked again
  } finally {
    renewing = false;
  }
}

/** @type {Socket | null} */
export const socket = document.body.dataset.socket ? new Socket(document.body.dataset.socket) : null;

if (socket) {
  socket.addEventListener("state", () => void refresh());
  socket.addEventListener("up", () => say(""));
  socket.addEventListener("down", () => !socket.over && say(word("lost")));
  socket.addEventListener("over", (event) => say(/** @type {CustomEvent} */ (event).detail?.sentence ?? ""));
}

const seconds = Number(document.body.dataset.again ?? 0);
if (seconds) {
  setInterval(() => document.visibilityState === "visible" && void refresh(), seconds * 1000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void refresh());
}
