/**
 * The test before the hearing: opens camera and microphone, shows the one and measures the other, and remembers
 * which devices were chosen. Nothing leaves this page by itself; whoever imports it hears `equipped` on the document
 * each time what is open has changed.
 */

import { DeviceRefused, choose, chosen, list, open, speakThrough } from "./devices.js";
import { measure } from "./level.js";
import { word } from "./words.js";

const FLOOR = -60; // dBFS; quieter is shown as nothing
const TONE = { hertz: 660, seconds: 0.8, gain: 0.2 };

/** @type {Record<import("./devices.js").Device, MediaStreamTrack | null>} what is open */
export const own = { camera: null, microphone: null };
let unmeasured = () => {};

const begin = /** @type {HTMLButtonElement} */ (document.getElementById("begin"));
const mirror = /** @type {HTMLVideoElement} */ (document.getElementById("mirror"));
const meter = /** @type {HTMLMeterElement} */ (document.getElementById("meter"));

begin.addEventListener("click", () => void start());
document.getElementById("tone")?.addEventListener("click", () => void tone());
for (const device of /** @type {const} */ (["camera", "microphone", "loudspeaker"])) {
  const select = /** @type {HTMLSelectElement} */ (document.getElementById(`choose-${device}`));
  select.addEventListener("change", () => {
    choose(device, select.value);
    if (device === "loudspeaker") void offer();
    else void show(device).then(offer);
  });
}
navigator.mediaDevices?.addEventListener("devicechange", () => void offer());
addEventListener("pagehide", () => Object.values(own).forEach((track) => track?.stop()));

async function start() {
  begin.disabled = true;
  for (const id of ["begin", "ask"]) /** @type {HTMLElement} */ (document.getElementById(id)).hidden = true;
  /** @type {HTMLElement} */ (document.getElementById("results")).hidden = false;
  await show("camera");
  await show("microphone");
  await offer();
  const on = document.getElementById("on");
  on?.classList.replace("quiet", "primary");
  on?.focus();
}

/** @param {import("./devices.js").Device} device */
async function show(device) {
  own[device]?.stop();
  own[device] = null;
  try {
    own[device] = await open(device);
  } catch (error) {
    if (!(error instanceof DeviceRefused)) throw error;
    return failed(device, error);
  }
  if (device === "camera") {
    mirror.srcObject = new MediaStream([/** @type {MediaStreamTrack} */ (own.camera)]);
    tell("camera", word("seen"), "met");
  } else {
    listen(/** @type {MediaStreamTrack} */ (own.microphone));
  }
}

/**
 * @param {import("./devices.js").Device} device
 * @param {DeviceRefused} error
 */
function failed(device, error) {
  if (device === "camera") mirror.srcObject = null;
  else unmeasured();
  tell(device, word(error.word), "needs");
}

/** @param {MediaStreamTrack} track */
function listen(track) {
  unmeasured();
  tell("microphone", word("silent"), "now");
  let told = false;
  unmeasured = measure(track, (level, heard) => {
    meter.value = Math.max(0, level - FLOOR);
    if (heard && !told) tell("microphone", word("heard"), "met");
    told ||= heard;
  });
}

/**
 * @param {string} device
 * @param {string} sentence
 * @param {string} tone
 */
function tell(device, sentence, tone) {
  const line = /** @type {HTMLElement} */ (document.getElementById(`${device}-said`));
  line.className = `said tag ${tone}`;
  line.textContent = sentence;
}

async function offer() {
  await fill("camera", "videoinput", own.camera?.getSettings().deviceId ?? "");
  await fill("microphone", "audioinput", own.microphone?.getSettings().deviceId ?? "");
  await fill("loudspeaker", "audiooutput", chosen("loudspeaker"));
  document.dispatchEvent(new Event("equipped"));
  const speakers = /** @type {HTMLSelectElement} */ (document.getElementById("choose-loudspeaker"));
  const block = document.getElementById("loudspeaker-block");
  if (block) block.hidden = !("setSinkId" in HTMLMediaElement.prototype) || speakers.options.length < 2;
}

/**
 * @param {string} device
 * @param {MediaDeviceKind} kind
 * @param {string} now
 */
async function fill(device, kind, now) {
  const select = /** @type {HTMLSelectElement} */ (document.getElementById(`choose-${device}`));
  const found = await list(kind);
  select.replaceChildren(
    ...found.map((one) => new Option(one.label || one.deviceId.slice(0, 8), one.deviceId, false, one.deviceId === now)),
  );
  select.disabled = !found.length;
}

/** A short sound, through the loudspeaker that was chosen. */
async function tone() {
  const context = new AudioContext();
  const source = context.createOscillator();
  const volume = context.createGain();
  const out = context.createMediaStreamDestination();
  source.frequency.value = TONE.hertz;
  volume.gain.value = TONE.gain;
  source.connect(volume).connect(out);
  const audio = new Audio();
  audio.srcObject = out.stream;
  await speakThrough(audio);
  source.start();
  source.stop(context.currentTime + TONE.seconds);
  source.onended = () => void context.close();
  await audio.play().catch(() => undefined);
  const said = document.getElementById("tone-said");
  if (said) said.textContent = word("played");
}
