/**
 * Plays everybody's copy together on one clock, and finds the moment of an entry of the journal. Without this script
 * each copy plays by itself.
 */

const player = /** @type {HTMLElement} */ (document.getElementById("player"));
const films = /** @type {HTMLMediaElement[]} */ ([...player.querySelectorAll("[data-film]")]);
const lasts = Number(player.dataset.length);
const play = /** @type {HTMLButtonElement} */ (document.getElementById("play"));
const seek = /** @type {HTMLInputElement} */ (document.getElementById("seek"));
const speed = /** @type {HTMLSelectElement} */ (document.getElementById("speed"));
const shown = /** @type {HTMLOutputElement} */ (document.getElementById("at"));
const waits = /** @type {HTMLElement} */ (document.getElementById("waits"));

const APART = 0.04; // seconds that a film may be off before it is hurried or slowed
const FAR = 0.5; // before it is set anew
const HURRY = 0.05;
const LOOK = 100; // milliseconds

/** Seconds at `since`, a moment of performance.now(). */
let base = 0;
let since = 0;
let playing = false;
let held = false;

for (const film of films) film.removeAttribute("controls");
for (const part of player.querySelectorAll(".transport, .line, .hear")) part.removeAttribute("hidden");
for (const button of document.querySelectorAll("[data-to]")) button.removeAttribute("disabled");
for (const gap of player.querySelectorAll(".gap")) place(/** @type {HTMLElement} */ (gap));

play.addEventListener("click", () => (playing ? stop() : start()));
seek.addEventListener("input", () => to(Number(seek.value)));
speed.addEventListener("change", () => to(now()));
for (const button of player.querySelectorAll("[data-skip]")) {
  button.addEventListener("click", () => to(now() + Number(button.getAttribute("data-skip"))));
}
document.addEventListener("click", (event) => {
  const moment = event.target instanceof Element ? event.target.closest("[data-to]") : null;
  if (!moment) return;
  to(Number(moment.getAttribute("data-to")));
  start();
});
for (const voice of player.querySelectorAll("[data-voice]")) voice.addEventListener("change", sound);
sound();
show();
setInterval(look, LOOK);

function now() {
  const ran = playing && !held ? ((performance.now() - since) / 1000) * Number(speed.value) : 0;
  return Math.min(lasts, base + ran);
}

/** @param {number} seconds */
function to(seconds) {
  base = Math.max(0, Math.min(lasts, seconds));
  since = performance.now();
  for (const film of films) film.currentTime = base;
  show();
}

function start() {
  if (now() >= lasts) to(0);
  playing = true;
  since = performance.now();
  look();
  show();
}

function stop() {
  base = now();
  playing = false;
  for (const film of films) film.pause();
  show();
}

/** Holds the clock while a film loads, and keeps each film at it. */
function look() {
  if (!playing) return;
  if (now() >= lasts) return stop();
  const late = films.some((film) => film.seeking || (film.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && !over(film)));
  if (late !== held) {
    base = now();
    since = performance.now();
    held = late;
  }
  for (const film of films) follow(film, now());
  show();
}

/** @param {HTMLMediaElement} film */
function over(film) {
  return film.ended || film.error !== null || film.currentTime >= (film.duration || 0) - 0.2;
}

/**
 * @param {HTMLMediaElement} film
 * @param {number} at
 */
function follow(film, at) {
  if (held || over(film)) {
    if (!film.paused) film.pause();
    return;
  }
  const apart = film.currentTime - at;
  if (Math.abs(apart) > FAR) film.currentTime = at;
  const hurry = Math.abs(apart) > APART ? -Math.sign(apart) * HURRY : 0;
  film.playbackRate = Number(speed.value) * (1 + hurry);
  if (film.paused) void film.play().catch(() => stop());
}

/** Who is heard; under an interpretation everybody else is heard softly. */
function sound() {
  const wanted = new Set(
    [...player.querySelectorAll("[data-voice]")].filter((one) => /** @type {HTMLInputElement} */ (one).checked).map((one) => one.getAttribute("data-voice")),
  );
  const interpreted = films.some((film) => channel(film) && wanted.has(film.dataset.film ?? ""));
  for (const film of films) {
    film.muted = !wanted.has(film.dataset.film ?? "");
    film.volume = interpreted && !channel(film) ? 0.15 : 1;
  }
}

/** @param {HTMLMediaElement} film */
function channel(film) {
  return film.closest("[data-kind]")?.getAttribute("data-kind") === "interpretation";
}

/** @param {HTMLElement} gap */
function place(gap) {
  const [begin, end] = [Number(gap.dataset.since), Number(gap.dataset.until)];
  gap.style.insetInlineStart = `${(100 * begin) / lasts}%`;
  gap.style.inlineSize = `${Math.max(0.3, (100 * (end - begin)) / lasts)}%`;
}

function show() {
  const at = now();
  play.textContent = (playing ? play.dataset.pause : play.dataset.play) ?? "";
  if (document.activeElement !== seek || playing) seek.value = String(at);
  shown.value = `${minutes(at)} / ${minutes(lasts)}`;
  seek.setAttribute("aria-valuetext", minutes(at));
  waits.textContent = playing && held ? (waits.dataset.waits ?? "") : "";
  let current = null;
  for (const moment of document.querySelectorAll(".moments [data-at]")) {
    moment.removeAttribute("aria-current");
    if (Number(moment.getAttribute("data-at")) <= at + 0.05) current = moment;
  }
  current?.setAttribute("aria-current", "true");
}

/** @param {number} seconds */
function minutes(seconds) {
  const whole = Math.floor(seconds);
  const [hours, left] = [Math.floor(whole / 3600), whole % 3600];
  const rest = `${String(Math.floor(left / 60)).padStart(hours ? 2 : 1, "0")}:${String(left % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${rest}` : rest;
}
