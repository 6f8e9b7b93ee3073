/**
 * Every page: what is wrong is shown first, a form is sent once, a link is copied, and a live page renews itself.
 * Without this script everything works the same, by loading pages.
 */

import { renew } from "./morph.js";
import { Socket } from "./socket.js";
import { keepWish } from "./wishes.js";
import { word } from "./words.js";

const PATIENCE = 5000; // milliseconds; over a way that is gone nothing ever comes
const PAUSE = 1000;
const stays = document.body.dataset.stay !== undefined;

keepWish();
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
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { accept: "text/html" }, signal: AbortSignal.timeout(4 * PATIENCE) });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return void location.assign(answer.url);
    const next = parse(await answer.text());
    if (!answer.ok) return say(next.querySelector("h1")?.textContent ?? word("unreached"));
    delete form.dataset.touched;
    document.getElementById("problem")?.remove(); // it told of the press before
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

/** @type {Map<string, string>} */
const wrong = new Map();

/**
 * One line at the top that says what is wrong with the connection, or a device.
 * @param {string} sentence
 * @param {string} [about] what this sentence, and no other, is taken back for
 */
export function say(sentence, about = "connection") {
  const line = document.getElementById("line");
  if (!line) return;
  wrong.set(about, sentence);
  const all = [...wrong.values()].filter(Boolean).join(" ");
  line.hidden = !all;
  if (line.textContent !== all) line.textContent = all;
}

let renewing = false;
let again = false;

/** Fetches this page as it is now; news that come meanwhile make one more turn. */
export async function refresh() {
  again = true;
  if (renewing) return;
  renewing = true;
  while (again) {
    again = false;
    try {
      await fetchAgain();
    } catch {
      if (!socket?.up) break; // it says when the service is back, and then this is asked again
      again = true;
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
  renewing = false;
}

async function fetchAgain() {
  const address = location.pathname + location.search.replace(/[?&]kept=[^&]*/, "");
  const answer = await fetch(address, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
  if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return void location.assign(answer.url);
  if (answer.ok) renew(parse(await answer.text()));
}

/** @type {Socket | null} */
export const socket = document.body.dataset.socket ? new Socket(document.body.dataset.socket) : null;

if (socket) {
  socket.addEventListener("state", () => void refresh());
  socket.addEventListener("up", () => say(""));
  socket.addEventListener("down", () => !socket.over && say(word("lost")));
  socket.addEventListener("over", (event) => say(/** @type {CustomEvent} */ (event).detail?.sentence ?? "", "over"));
}

const seconds = Number(document.body.dataset.again ?? 0);
if (seconds) {
  setInterval(() => document.visibilityState === "visible" && void refresh(), seconds * 1000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void refresh());
}
