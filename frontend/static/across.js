/**
 * What both ends of a technical test have in common: the other end's picture and sound, and lines of text.
 *
 * The sound has an element of its own: one that also has a picture to show stays silent until the first one comes, and
 * the other end may send none.
 */

import { speakThrough } from "./devices.js";

const picture = /** @type {HTMLVideoElement} */ (document.getElementById("beyond"));
const sound = new Audio();
/** @type {MediaStream | null} */
let shown = null;

/**
 * Shows and plays a stream of the other end, or nothing.
 * @param {MediaStream | null} stream
 * @param {(refused: boolean) => void} heard whether the browser wants a press before it lets anything sound
 */
export function show(stream, heard) {
  if (stream !== shown) {
    shown = stream;
    picture.srcObject = stream && new MediaStream(stream.getVideoTracks());
    sound.srcObject = stream && new MediaStream(stream.getAudioTracks());
  }
  if (stream && sound.paused) void play(heard);
  if (pictured() && picture.paused) void picture.play().catch(() => undefined); // it is tried again
}

/** @param {(refused: boolean) => void} heard */
async function play(heard) {
  try {
    await speakThrough(sound);
    await sound.play();
    heard(false);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotAllowedError") heard(true);
  }
}

/** Whether its pictures come at this moment. */
export function pictured() {
  return shown?.getVideoTracks().some((one) => !one.muted) ?? false;
}

/**
 * @param {string} id
 * @param {string} sentence
 * @param {string} tone
 */
export function line(id, sentence, tone) {
  const one = document.getElementById(id);
  if (!one || one.textContent === sentence) return;
  one.className = `said tag ${tone}`;
  one.textContent = sentence;
}

/**
 * @param {string} id
 * @param {boolean} visible
 */
export function reveal(id, visible) {
  const one = document.getElementById(id);
  if (one) one.hidden = !visible;
}

/** The way in that a page shows without a script, or before the test was open. */
export function arrived() {
  document.getElementById("go-in")?.remove();
}
