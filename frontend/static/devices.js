/**
 * Camera, microphone and loudspeaker: opened as the person chose them last time, with a word for each failure.
 */

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** @typedef {"microphone" | "camera"} Device */

/** @type {Record<string, string>} the name of an error to the key of our word for it */
const WORDS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** Why a device did not open: denied, missing, busy or insecure; `word` is the key of our sentence for it. */
export class DeviceRefused extends Error {
  /**
   * @param {Device} device
   * @param {string} key
   */
  constructor(device, key) {
    super(`${device}: ${key}`);
    this.word = `${device}${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  }
}

/** @param {Device | "loudspeaker"} device */
export function chosen(device) {
  try {
    return localStorage.getItem(`device ${device}`) ?? "";
  } catch {
    return ""; // a browser that keeps nothing for us
  }
}

/**
 * @param {Device | "loudspeaker"} device
 * @param {string} id
 */
export function choose(device, id) {
  try {
    localStorage.setItem(`device ${device}`, id);
  } catch {
    // it is asked again next time
  }
}

/**
 * Opens one device. Raises DeviceRefused.
 * @param {Device} device
 * @returns {Promise<MediaStreamTrack>}
 */
export async function open(device) {
  if (!navigator.mediaDevices) throw new DeviceRefused(device, "insecure");
  const id = chosen(device);
  try {
    return await opened(device, id);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (id && (name === "OverconstrainedError" || name === "NotFoundError")) {
      choose(device, ""); // the one chosen last time is gone
      return open(device);
    }
    throw new DeviceRefused(device, WORDS[name] ?? "busy");
  }
}

/**
 * @param {Device} device
 * @param {string} id
 */
async function opened(device, id) {
  const which = id ? { deviceId: { exact: id } } : {};
  const wanted = device === "camera" ? { video: { ...PICTURE, ...which } } : { audio: { ...SOUND, ...which } };
  const stream = await navigator.mediaDevices.getUserMedia(wanted);
  return /** @type {MediaStreamTrack} */ (stream.getTracks()[0]);
}

/**
 * What there is to choose from; names are known once one of them was opened.
 * @param {MediaDeviceKind} kind
 */
export async function list(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((one) => one.kind === kind && one.deviceId);
}

/**
 * Lets an element sound through the loudspeaker that was chosen, where the browser can.
 * @param {HTMLMediaElement} element
 */
export async function speakThrough(element) {
  const id = chosen("loudspeaker");
  if (!id || !("setSinkId" in element)) return;
  try {
    await element.setSinkId(id);
  } catch {
    choose("loudspeaker", ""); // it is gone; the usual one sounds
  }
}
