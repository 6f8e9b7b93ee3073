/**
 * The room of one place: its camera and microphone go out, everybody else's come in, and each picture is put into
 * the tile that the server drew for it. Who may see and hear whom is decided there; this only shows it.
 *
 * Who listens to an interpretation hears its interpreters in full and everybody else softly. Safari on iOS does not
 * let a page set the volume of an element: there the floor sounds as loud as the interpretation.
 */

import { Connection } from "./connection.js";
import { DeviceRefused, open, speakThrough } from "./devices.js";
import { say, socket } from "./page.js";
import { Meter } from "./quality.js";
import { wished } from "./wishes.js";
import { word } from "./words.js";

const OPENED = new Set(["open", "on-record", "examining", "suspended"]);
const SPEAKS = 45; // −dBov; a smaller number is louder
const SMALL = 360; // pixels of the screen; a wider picture is worth the high layer
const ASKED = 10_000; // milliseconds that a browser's question may stay unanswered before we speak of it
const LINGER = 2500; // milliseconds that the large picture stays with who spoke last
const SOFT = 0.15; // volume of the floor under an interpretation
const place = document.body.dataset.place ?? "";

/** @type {Record<"audio" | "camera", MediaStreamTrack | null>} */
const own = { audio: null, camera: null };
/** @type {MediaStreamTrack | null} */
let paper = null;
/** @type {Set<string>} what the server says is muted here */
let muted = new Set();
/** @type {Set<string>} what was muted here and the server does not say yet */
const pressed = new Set();
const SHARES = "getDisplayMedia" in (navigator.mediaDevices ?? {}); // telephones cannot
let state = "";
/** @type {Promise<unknown> | null} */
let starting = null;
let asked = wished("#muted");
/** @type {Set<string>} the places that interpret into the language that is listened to here */
let voices = new Set();
let speaker = "";
let spokeAt = 0;

if (socket) conduct(socket, new Connection(socket, wished("#relay") ? "relay" : "all"));

/**
 * @param {import("./socket.js").Socket} socket
 * @param {Connection} connection
 */
function conduct(socket, connection) {
  socket.addEventListener("state", (event) => told(/** @type {CustomEvent} */ (event).detail.view));
  socket.addEventListener("levels", (event) => hearLevels(/** @type {CustomEvent} */ (event).detail.audio));
  socket.addEventListener("refused", (event) => /** @type {CustomEvent} */ (event).detail.about === "mute" && pressed.clear());
  socket.addEventListener("up", () => pressed.forEach((kind) => socket.send({ type: "mute", kind, muted: true })));
  socket.addEventListener("over", () => finish());
  connection.addEventListener("people", () => show());
  connection.addEventListener("up", () => (quality(), watch()));
  connection.addEventListener("down", () => quality());
  document.addEventListener("renewed", () => show());
  addEventListener("resize", () => watch());
  addEventListener("pagehide", () => connection.close());
  press("microphone", () => void turn("audio"));
  press("camera", () => void turn("camera"));
  press("document", () => void showDocument());
  press("hear", () => show());
  const meter = new Meter();
  setInterval(() => void look(), 1000);

  /** @param {View} view */
  function told(view) {
    state = view.state;
    voices = voicesOf(view);
    muted = new Set(view.you.muted);
    for (const kind of pressed) {
      if (muted.has(kind)) pressed.delete(kind);
      else muted.add(kind);
    }
    if (paper && muted.has("document")) void stopDocument(); // what was shown in private stays there
    controls();
    if (!view.you.in_room) return;
    if (OPENED.has(state)) void start();
    else rest();
  }

  /** Whether camera and microphone have anything to do here. */
  function wanted() {
    return OPENED.has(state) && !socket.over;
  }

  async function start() {
    starting ??= turnBothOn();
    await starting;
    if (!wanted()) return;
    if (asked && own.audio) {
      asked = false;
      mute("audio", true);
    }
    connection.open();
    show();
  }

  async function turnBothOn() {
    const unanswered = setTimeout(() => say(word("asking"), "asking"), ASKED);
    try {
      await Promise.all([turnOn("audio"), turnOn("camera")]);
    } finally {
      clearTimeout(unanswered);
      say("", "asking");
    }
  }

  /** @param {"audio" | "camera"} kind */
  async function turnOn(kind) {
    const device = kind === "audio" ? "microphone" : "camera";
    let track = null;
    try {
      track = await open(device);
      say("", kind);
    } catch (error) {
      if (!(error instanceof DeviceRefused)) throw error;
      say(word(error.word), kind);
    }
    own[kind]?.stop();
    if (!wanted()) track?.stop(); // it took a while, and the room is over
    own[kind] = wanted() ? track : null;
    own[kind]?.addEventListener("ended", () => void taken(kind));
    controls();
    await connection.put(kind, own[kind]);
  }

  /**
   * The system took the device away, as a phone does when somebody calls.
   * @param {"audio" | "camera"} kind
   */
  async function taken(kind) {
    await turnOn(kind);
    show();
  }

  /**
   * The person's own press.
   * @param {"audio" | "camera"} kind
   */
  async function turn(kind) {
    const off = muted.has(kind) || !own[kind];
    if (off && (!own[kind] || own[kind]?.readyState === "ended")) await turnOn(kind);
    if (off && !own[kind]) return;
    mute(kind, !off);
    show();
  }

  /**
   * Muting holds at once, and is told later where there is no way to the service now.
   * @param {"audio" | "camera" | "document"} kind
   * @param {boolean} value
   */
  function mute(kind, value) {
    if (value) pressed.add(kind);
    else pressed.delete(kind);
    if (!socket.send({ type: "mute", kind, muted: value }) && !value) return;
    if (value) muted.add(kind);
    else muted.delete(kind);
    controls();
  }

  async function showDocument() {
    if (paper) return stopDocument();
    if (muted.has("document")) mute("document", false);
    try {
      const shared = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 10 } });
      paper = shared.getVideoTracks()[0] ?? null;
      paper?.addEventListener("ended", () => void stopDocument());
      await connection.put("document", paper);
    } catch {
      paper = null; // the person chose nothing
    }
    controls();
  }

  async function stopDocument() {
    paper?.stop();
    paper = null;
    await connection.put("document", null);
    controls();
  }

  /** Every picture into its tile. */
  function show() {
    const tiles = [...document.querySelectorAll("#tiles .tile")].filter((one) => one instanceof HTMLElement);
    for (const tile of tiles) {
      const whose = tile.dataset.place ?? "";
      const stream = whose === place ? mirror() : connection.people.get(whose);
      play(tile, stream ?? null, whose === place);
      pause(tile, connection.without.has(whose));
    }
    enlarge(tiles);
    watch();
    shareDocument();
    if (state === "" || !OPENED.has(state)) return;
    controls();
  }

  /** @param {HTMLElement[]} tiles */
  function enlarge(tiles) {
    const others = tiles.filter((tile) => tile.dataset.own === undefined);
    const heard = others.find((tile) => tile.classList.contains("heard"));
    const speaking = others.find((tile) => tile.dataset.place === speaker);
    const large = heard ?? speaking ?? others[0] ?? null;
    for (const tile of tiles) tile.toggleAttribute("data-large", tile === large);
  }

  /** Tells whose pictures are large enough here to be worth the high layer, the largest first. */
  function watch() {
    if (!connection.up) return;
    const tiles = [...document.querySelectorAll("#tiles .tile:not([data-own])")];
    const sized = tiles.map((tile) => ({ who: tile.getAttribute("data-place") ?? "", width: width(tile) }));
    const large = sized.filter((one) => one.width > SMALL).sort((one, other) => other.width - one.width);
    connection.watch(large.map((one) => one.who));
  }

  function shareDocument() {
    const shown = connection.shown;
    const frame = document.getElementById("shown");
    if (!frame) return;
    frame.hidden = !shown;
    play(frame, shown?.stream ?? null, true);
    pause(frame, connection.without.has("document"));
  }

  /** @param {Record<string, number>} levels −dBov by place */
  function hearLevels(levels) {
    let [loudest, level] = ["", SPEAKS];
    for (const tile of document.querySelectorAll("#tiles [data-place]")) {
      const who = tile.getAttribute("data-place") ?? "";
      const loud = levels[who] ?? SPEAKS; // of whom nothing came does not speak
      mark(who, loud < SPEAKS);
      if (who !== place && loud < level) [loudest, level] = [who, loud];
    }
    if (loudest && (loudest === speaker || performance.now() - spokeAt > LINGER)) {
      spokeAt = performance.now();
      if (loudest !== speaker) {
        speaker = loudest;
        show();
      }
    }
  }

  async function look() {
    const report = await connection.pc?.getStats();
    if (report) meter.take(report);
    quality();
  }

  function quality() {
    const line = document.getElementById("connection");
    const now = !socket.up || (OPENED.has(state) && !connection.up) ? "none" : OPENED.has(state) ? meter.quality : "good";
    const sentence = word(`connection${now[0]?.toUpperCase()}${now.slice(1)}`);
    if (line && line.textContent !== sentence) line.textContent = sentence;
    document.getElementById("tiles")?.classList.toggle("still", now === "none");
    say(connection.stuck ? `${connection.refusal || word("noWay")} ${word("help")}` : "", "way");
  }

  /** The room is closed: nothing goes out, and no camera stays on. */
  function rest() {
    connection.close();
    for (const track of [own.audio, own.camera, paper]) track?.stop();
    own.audio = own.camera = paper = starting = null;
    for (const kind of /** @type {const} */ (["audio", "camera", "document"])) void connection.put(kind, null);
    show();
    controls();
  }

  function finish() {
    rest();
    const here = document.getElementById("here");
    if (here) here.hidden = false;
    quality();
  }

  function controls() {
    button("microphone", Boolean(own.audio) && !muted.has("audio"), starting !== null);
    button("camera", Boolean(own.camera) && !muted.has("camera"), starting !== null);
    button("document", paper !== null, SHARES && OPENED.has(state) && connection.up, true);
    if (own.audio) own.audio.enabled = !muted.has("audio");
    if (own.camera) own.camera.enabled = !muted.has("camera");
  }
}

/**
 * @typedef {{
 *   state: string,
 *   you: {in_room: boolean, muted: string[], hears: string | null},
 *   places?: {place: string, connected: boolean}[],
 *   channels?: {language: string, speaks: string[]}[],
 * }} View
 */

/** @param {View} view */
function voicesOf(view) {
  const channel = view.channels?.find((one) => one.language === view.you.hears);
  const here = view.places?.filter((one) => one.connected && one.place !== place).map((one) => one.place) ?? [];
  return new Set(here.filter((one) => channel?.speaks.includes(one)));
}

/** @type {MediaStream | null} */
let mirrored = null;

/** The own picture, without sound. */
function mirror() {
  if (!own.camera) return null;
  if (mirrored?.getVideoTracks()[0] !== own.camera) mirrored = new MediaStream([own.camera]);
  return mirrored;
}

/**
 * @param {Element} tile
 * @param {MediaStream | null} stream
 * @param {boolean} silent
 */
function play(tile, stream, silent) {
  const frame = tile.querySelector(".picture");
  if (!frame) return;
  let video = frame.querySelector("video");
  if (!video) {
    if (!stream) return;
    video = document.createElement("video");
    video.autoplay = true;
    video.playsInline = true;
    video.disablePictureInPicture = true;
    frame.append(video);
    void speakThrough(video);
  }
  video.muted = silent;
  video.volume = voices.size === 0 || voices.has(tile.getAttribute("data-place") ?? "") ? 1 : SOFT;
  const now = playable(video, stream);
  if (video.srcObject !== now) video.srcObject = now;
  if (stream && video.paused) {
    video.play().then(
      () => reveal("hear", false),
      (error) => error instanceof DOMException && error.name === "NotAllowedError" && reveal("hear", true),
    );
  }
}

/** @type {WeakMap<MediaStream, MediaStream>} the sound alone of a stream */
const sounds = new WeakMap();

/**
 * What an element can play of a stream: one that has a picture to show stays silent in Chromium until the first of it
 * comes, and somebody without a camera sends none. Until then the sound goes alone.
 * @param {HTMLVideoElement} video
 * @param {MediaStream | null} stream
 * @returns {MediaStream | null}
 */
function playable(video, stream) {
  const [picture] = stream?.getVideoTracks() ?? [];
  if (!stream || !picture?.muted || video.srcObject === stream) return stream;
  let alone = sounds.get(stream);
  if (!alone) {
    alone = new MediaStream(stream.getAudioTracks());
    sounds.set(stream, alone);
    picture.addEventListener("unmute", () => video.srcObject === alone && (video.srcObject = stream));
  }
  return alone;
}

/**
 * Its picture does not come for the moment; it says so.
 * @param {Element} tile
 * @param {boolean} paused
 */
function pause(tile, paused) {
  tile.classList.toggle("paused", paused);
  const words = tile.querySelector(".pausing");
  if (words instanceof HTMLElement) words.hidden = !paused;
}

/**
 * In pixels of the screen.
 * @param {Element} tile
 */
function width(tile) {
  return tile.getBoundingClientRect().width * devicePixelRatio;
}

/**
 * @param {string} who
 * @param {boolean} speaks
 */
function mark(who, speaks) {
  document.getElementById(`tile-${who}`)?.classList.toggle("speaks", speaks);
  const words = document.getElementById(`speaking-${who}`);
  if (words) words.hidden = !speaks;
}

/**
 * @param {string} id
 * @param {boolean} on
 * @param {boolean} known
 * @param {boolean} [active] whether being on is the state to point out, rather than being off
 */
function button(id, on, known, active = false) {
  const one = document.getElementById(id);
  if (!one) return;
  one.hidden = !known;
  one.textContent = (on ? one.dataset.on : one.dataset.off) ?? "";
  one.classList.toggle("off", active ? on : !on);
}

/**
 * @param {string} id
 * @param {() => void} act
 */
function press(id, act) {
  document.getElementById(id)?.addEventListener("click", act);
}

/**
 * @param {string} id
 * @param {boolean} visible
 */
function reveal(id, visible) {
  const one = document.getElementById(id);
  if (one) one.hidden = !visible;
}

// The time on the record, counted by the clock of the service.
const skew = (() => {
  const now = document.querySelector("[data-now]")?.getAttribute("data-now");
  return now ? Date.parse(now) - Date.now() : 0;
})();
setInterval(() => {
  const clock = document.querySelector(".clock[data-since]");
  if (!clock) return;
  const seconds = Math.max(0, Math.floor((Date.now() + skew - Date.parse(clock.getAttribute("data-since") ?? "")) / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  clock.textContent = parts.map((part) => String(part).padStart(2, "0")).join(":");
}, 500);
