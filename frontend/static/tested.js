/**
 * The person's end of a technical test: what check.js opened goes to the court, and the court's own sound and picture
 * come back, if it lets them. It says in plain words whether the person is seen and heard.
 */

import { arrived, line, pictured, reveal, show } from "./across.js";
import { own } from "./check.js";
import { Connection } from "./connection.js";
import { chosen, list } from "./devices.js";
import { refresh, say, socket } from "./page.js";
import { Meter } from "./quality.js";
import { wished } from "./wishes.js";
import { word } from "./words.js";

const SPEAKS = 45; // −dBov; a smaller number is louder
const STEADY = 3; // quarters of a second in which somebody spoke
const AGAIN = 10_000; // milliseconds after which it is told anew how long the way is
const LONGEST = 200; // characters of a device's name
const place = document.body.dataset.place ?? "";

let other = "";
let here = false;
let spoke = 0;
let told = "";
let toldAt = 0;
let way = "";
/** @type {number | null} milliseconds to the service and back */
let trip = null;

arrived();
if (socket) come(socket, new Connection(socket, wished("#relay") ? "relay" : "all"));

/**
 * @param {import("./socket.js").Socket} socket
 * @param {Connection} connection
 */
function come(socket, connection) {
  const meter = new Meter();
  document.addEventListener("equipped", () => void equip());
  document.addEventListener("renewed", () => arrived());
  socket.addEventListener("state", (event) => {
    ({ other, here } = /** @type {CustomEvent} */ (event).detail.view);
    draw();
  });
  socket.addEventListener("levels", (event) => {
    if ((/** @type {CustomEvent} */ (event).detail.audio[place] ?? SPEAKS) < SPEAKS) spoke += 1;
    draw();
  });
  socket.addEventListener("up", () => {
    told = ""; // by this socket nothing was told yet
    if (own.camera || own.microphone) void tell();
  });
  socket.addEventListener("over", (event) => finish(/** @type {CustomEvent} */ (event).detail?.type === "superseded"));
  for (const news of ["people", "up", "down"]) connection.addEventListener(news, () => draw());
  addEventListener("pagehide", () => connection.close());
  setInterval(() => void look(), 1000);

  async function equip() {
    if (socket.over) return;
    await connection.put("audio", own.microphone);
    await connection.put("camera", own.camera);
    connection.open();
    reveal("across", true);
    await tell();
    draw();
  }

  /** With what somebody is here, if that is news. */
  async function tell() {
    const size = own.camera?.getSettings() ?? {};
    const speaker = (await list("audiooutput")).find((one) => one.deviceId === (chosen("loudspeaker") || "default"));
    const message = {
      type: "equipment",
      camera: named(own.camera?.label),
      microphone: named(own.microphone?.label),
      loudspeaker: named(speaker?.label),
      width: size.width ?? 0,
      height: size.height ?? 0,
      way,
    };
    const text = JSON.stringify(message);
    if (text === told && performance.now() - toldAt < AGAIN) return;
    if (socket.send({ ...message, trip })) [told, toldAt] = [text, performance.now()];
  }

  function draw() {
    const court = connection.people.get(other) ?? null;
    show(court, () => undefined); // they have pressed something here
    reveal("beyond-frame", pictured());
    const present = here && court !== null;
    const sees = present && own.camera !== null && (connection.taken === null || connection.taken.length > 0);
    if (!here) line("seen-said", word("alone"), "now");
    else if (!own.camera) line("seen-said", word("blind"), "needs");
    else line("seen-said", word(sees ? "sees" : "unseen"), sees ? "met" : "now");
    if (!own.microphone) line("heard-said", word("deaf"), "needs");
    else if (spoke < STEADY) line("heard-said", word("unheard"), "now");
    else line("heard-said", word(here ? "hears" : "arrives"), "met");
    const good = connection.up ? meter.quality : "none";
    const tones = { good: "met", weak: "needs", bad: "needs", none: "now" };
    line("way-said", word(`way${good.charAt(0).toUpperCase()}${good.slice(1)}`), tones[good]);
    say(connection.stuck ? `${connection.refusal || word("noWay")} ${word("help")}` : "", "way");
  }

  async function look() {
    const report = await connection.pc?.getStats();
    if (!report || !connection.up) return draw();
    meter.take(report);
    figures(report);
    draw();
    await tell();
  }

  /** @param {RTCStatsReport} report */
  function figures(report) {
    /** @type {string[]} */
    const parts = [];
    for (const one of report.values()) {
      if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded") {
        way = report.get(one.localCandidateId)?.candidateType === "relay" ? "relayed" : "straight";
        trip = Math.round(1000 * (one.currentRoundTripTime ?? 0));
        parts.unshift(word("trip", { trip }));
      }
      if (one.type === "remote-inbound-rtp" && one.kind === "audio") {
        parts.push(word("soundLost", { lost: `${Math.round(100 * (one.fractionLost ?? 0))} %` }));
      }
    }
    const shown = document.getElementById("way-figures");
    if (shown) shown.textContent = parts.join(" · ");
  }

  /** @param {boolean} elsewhere it is open in another window now */
  function finish(elsewhere) {
    connection.close();
    for (const device of /** @type {const} */ (["camera", "microphone"])) {
      own[device]?.stop();
      own[device] = null;
    }
    reveal("trying", false);
    reveal("here", elsewhere);
    void refresh().then(() => document.querySelector("[data-over]") && say("", "over")); // the page says why
  }
}

/** @param {string | undefined} label */
function named(label) {
  return (label ?? "").slice(0, LONGEST);
}
