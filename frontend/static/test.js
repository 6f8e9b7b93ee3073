/**
 * The court's end of a technical test: the person's picture, how loud they are, with what they are here and how well it
 * comes. The court's own microphone and camera stay off until they are pressed.
 */

import { arrived, line, pictured, reveal, show } from "./across.js";
import { Connection } from "./connection.js";
import { DeviceRefused, open } from "./devices.js";
import { refresh, say, socket } from "./page.js";
import { wished } from "./wishes.js";
import { word } from "./words.js";

const SILENCE = 60; // −dBov; quieter is shown as nothing
const GRADES = ["good", "weak", "bad"];
const other = document.body.dataset.other ?? "";
const level = /** @type {HTMLMeterElement} */ (document.getElementById("level"));

/** @type {Record<"microphone" | "camera", MediaStreamTrack | null>} */
const own = { microphone: null, camera: null };
let here = false;

arrived();
if (socket) hold(socket, new Connection(socket, wished("#relay") ? "relay" : "all"));

/**
 * @param {import("./socket.js").Socket} socket
 * @param {Connection} connection
 */
function hold(socket, connection) {
  socket.addEventListener("state", (event) => told(/** @type {CustomEvent} */ (event).detail.view));
  socket.addEventListener("levels", (event) => {
    level.value = Math.max(0, SILENCE - (/** @type {CustomEvent} */ (event).detail.audio[other] ?? SILENCE));
  });
  socket.addEventListener("figures", (event) => grade(/** @type {CustomEvent} */ (event).detail.places[other] ?? []));
  socket.addEventListener("over", (event) => finish(/** @type {CustomEvent} */ (event).detail?.type === "superseded"));
  for (const news of ["people", "up", "down"]) connection.addEventListener(news, () => draw());
  document.addEventListener("renewed", () => arrived());
  addEventListener("pagehide", () => connection.close());
  document.getElementById("hear")?.addEventListener("click", () => draw());
  for (const device of /** @type {const} */ (["microphone", "camera"])) {
    document.getElementById(device)?.addEventListener("click", () => void turn(device));
  }
  setInterval(() => draw(), 1000);
  connection.open();

  /** @param {View} view */
  function told(view) {
    here = view.here;
    const found = view.equipment;
    text("its-browser", view.browser);
    text("its-microphone", found?.microphone);
    text("its-loudspeaker", found?.loudspeaker);
    text("its-camera", found?.width ? word("size", { name: found.camera, width: found.width, height: found.height }) : "");
    const long = typeof found?.trip === "number" ? word("trip", { trip: found.trip }) : "";
    text("way", [found?.way && word(found.way), long].filter(Boolean).join(", "));
    draw();
  }

  function draw() {
    const stream = here ? (connection.people.get(other) ?? null) : null;
    show(stream, (refused) => reveal("hear", refused));
    connection.watch(stream ? [other] : []);
    const comes = pictured();
    const tone = comes ? "met" : here && stream ? "needs" : "now";
    line("presence", word(!here ? "absent" : !connection.up || !stream ? "coming" : comes ? "present" : "dark"), tone);
    if (!here) level.value = 0;
    say(connection.stuck ? `${connection.refusal || word("noWay")} ${word("help")}` : "", "way");
  }

  /** @param {"microphone" | "camera"} device */
  async function turn(device) {
    if (own[device]) {
      own[device]?.stop();
      own[device] = null;
      say("", device);
    } else {
      try {
        own[device] = await open(device);
        say("", device);
      } catch (error) {
        if (!(error instanceof DeviceRefused)) throw error;
        say(word(error.word), device);
      }
    }
    await connection.put(device === "microphone" ? "audio" : "camera", own[device]);
    document.getElementById(device)?.setAttribute("aria-pressed", String(own[device] !== null));
  }

  /** @param {boolean} elsewhere it is open in another window now */
  function finish(elsewhere) {
    connection.close();
    for (const device of /** @type {const} */ (["microphone", "camera"])) own[device]?.stop();
    reveal("trying", false);
    if (!elsewhere) document.getElementById("held")?.remove(); // there is nothing more to find
    reveal("here", elsewhere);
    void refresh().then(() => document.querySelector("[data-over]") && say("", "over")); // the page says why
  }
}

/**
 * @typedef {{
 *   here: boolean,
 *   browser?: string,
 *   equipment?: {camera: string, microphone: string, loudspeaker: string, width: number, height: number, way: string, trip: number | null} | null,
 * }} View
 */

/** @param {{kind: string, grade: string}[]} rows */
function grade(rows) {
  const worst = Math.max(-1, ...rows.filter((row) => row.kind !== "heard").map((row) => GRADES.indexOf(row.grade)));
  const name = GRADES[worst] ?? "none";
  text("way-said", word(`connection${name.charAt(0).toUpperCase()}${name.slice(1)}`));
}

/**
 * @param {string} id
 * @param {string | undefined} words nothing is none, and not known of somebody who is not here
 */
function text(id, words) {
  const one = document.getElementById(id);
  const now = words || (here ? word("nothing") : "–");
  if (one && one.textContent !== now) one.textContent = now;
}
