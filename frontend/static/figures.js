/**
 * How everybody's sound and picture come, for whoever oversees the hearing: a line of figures for each place, and one
 * quiet sentence at a tile where something is weak or bad. The word is the service's, and changes slowly.
 */

import { socket } from "./page.js";
import { word } from "./words.js";

const STALE = 7000; // milliseconds; figures come every two seconds
const GRADES = ["good", "weak", "bad"];
/** What a sign is about, the most important first. @type {Record<string, string>} */
const ABOUT = { audio: "sound", interpretation: "sound", heard: "heard", camera: "picture", document: "picture" };

/** @typedef {{kind: string, loss: number, trip: number | null, frames: number | null, grade: string}} Row */
/** @type {Record<string, Row[]>} */
let places = {};
/** @type {ReturnType<typeof setTimeout> | undefined} */
let forgetting;

socket?.addEventListener("figures", (event) => take(/** @type {CustomEvent} */ (event).detail.places));
socket?.addEventListener("down", () => take({}));
document.addEventListener("renewed", () => show());

/** @param {Record<string, Row[]>} told by place */
function take(told) {
  places = told;
  clearTimeout(forgetting);
  if (Object.keys(told).length) forgetting = setTimeout(() => take({}), STALE);
  show();
}

function show() {
  for (const tile of document.querySelectorAll("#tiles .tile")) {
    const who = tile.getAttribute("data-place") ?? "";
    tell(`coming-${who}`, tile.classList.contains("away") ? "" : sign(who));
  }
  for (const line of document.querySelectorAll("[id^='figures-'][data-keep]")) {
    tell(line.id, figures(places[line.id.slice("figures-".length)] ?? []));
  }
}

/**
 * @param {string} id
 * @param {string} sentence nothing hides the element
 */
function tell(id, sentence) {
  const line = document.getElementById(id);
  if (!line) return;
  if (line.textContent !== sentence) line.textContent = sentence;
  line.hidden = !sentence;
}

/** @param {Row} row */
function badness(row) {
  return GRADES.indexOf(row.grade);
}

/**
 * The worst of it, in words; nothing if all is good. That a place hears badly is told there only if it is worse than
 * the sound that comes from the others: else the sign stands at theirs.
 * @param {string} who
 */
function sign(who) {
  const kinds = Object.keys(ABOUT);
  const others = Object.entries(places).flatMap(([place, rows]) => (place === who ? [] : rows));
  const sent = Math.max(0, ...others.filter((row) => ABOUT[row.kind] === "sound").map(badness));
  const [worst] = (places[who] ?? [])
    .filter((row) => badness(row) > (row.kind === "heard" ? sent : 0) && row.kind in ABOUT)
    .sort((one, other) => badness(other) - badness(one) || kinds.indexOf(one.kind) - kinds.indexOf(other.kind));
  return worst ? word(`${ABOUT[worst.kind]}${worst.grade === "bad" ? "Bad" : "Weak"}`) : "";
}

/** @param {Row[]} rows */
function figures(rows) {
  const sound = rows.find((row) => ABOUT[row.kind] === "sound");
  const [heard, picture] = ["heard", "camera"].map((name) => rows.find((row) => row.kind === name));
  const trip = rows.find((row) => row.trip !== null)?.trip;
  const frames = Math.round(picture?.frames ?? 0);
  return [
    sound && word("lostFrom", { lost: share(sound.loss) }),
    heard && word("lostTo", { lost: share(heard.loss) }),
    typeof trip === "number" && word("trip", { trip: Math.round(trip) }),
    picture && (frames === 1 ? word("frame") : word("frames", { frames })),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {number} loss in per cent */
function share(loss) {
  return `${loss > 0 && loss < 10 ? loss.toFixed(1) : Math.round(loss)} %`;
}
