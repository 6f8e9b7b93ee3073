/**
 * Sound and picture of this place: one RTCPeerConnection at a time, offered by us, answered over the socket.
 *
 * Sections of the offer, in order: own sound, own camera (two layers), own document, then a pair for each line,
 * then the document line. A line carries one other place; which, the service tells by `lines`, and which STUN and
 * TURN servers there are, by `ice`, first thing on each socket.
 *
 * Events: `people` (who is on which stream, or without picture, changed), `up`, `down`.
 */

/** @import { Socket } from "./socket.js" */

const LINES = 12;
const FIRST = 6000; // milliseconds until an attempt counts as failed; each further one is given twice the time
const LONGEST = 15_000; // as long as the service waits for one
const STUCK = 10_000; // without success, from the first attempt on
const SHAKY = 2000; // disconnected for so long is lost
const GRACE = 1200; // for what is known to be disconnected; it is checked many times a second
const CHECKED = 2700; // what counts as connected is checked every 2.5 s, and so found again at a new address
const RETRY = 1000;
const LOOK = 1000;
const SILENT = 4; // looks in a row without a byte, where there were some
const LAYERS = [
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 15 },
  { rid: "h", maxBitrate: 1_200_000 },
];

/** @typedef {"audio" | "camera" | "document"} Kind */

export class Connection extends EventTarget {
  #socket;
  #policy;
  #fresh = true; // nothing was told yet on this socket
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #id = "";
  #n = 0;
  #wanted = false;
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  #tracks = { audio: null, camera: null, document: null };
  /** @type {{audio: MediaStreamTrack, video: MediaStreamTrack}[]} */
  #lines = [];
  /** @type {MediaStreamTrack | null} */
  #documentLine = null;
  /** @type {Map<string, MediaStream>} what is received, by place */
  people = new Map();
  /** @type {{place: string, stream: MediaStream} | null} */
  shown = null;
  /** @type {Set<string>} the places whose camera, or "document", is not sent here because the way bears no more */
  without = new Set();
  /** @type {string[] | null} the layers of the own camera that are to be sent */
  #taken = null;
  /** @type {string[] | null} */
  #watched = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #tries = 0;
  #since = 0; // the first of the attempts that have not succeeded; 0 while there is none
  /** What the service last said against an offer of ours, if it did. */
  refusal = "";
  #bytes = 0;
  #quiet = 0;

  /**
   * @param {Socket} socket
   * @param {RTCIceTransportPolicy} policy
   */
  constructor(socket, policy) {
    super();
    this.#socket = socket;
    this.#policy = policy;
    socket.addEventListener("ice", () => this.#told());
    socket.addEventListener("answer", (event) => void this.#answered(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("lines", (event) => this.#lined(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("pictures", (event) => void this.#pictured(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("refused", (event) => this.#refused(/** @type {CustomEvent} */ (event).detail));
    socket.addEventListener("down", () => {
      this.#fresh = true;
      this.#forget();
    });
    setInterval(() => void this.#look(), LOOK);
  }

  get up() {
    return this.#pc?.connectionState === "connected";
  }

  get pc() {
    return this.#pc;
  }

  /** The layers of the own camera that anybody takes; null if it is sent in one alone, or nothing is known yet. */
  get taken() {
    return this.#taken;
  }

  /** It has been tried for so long that the person must be told; it goes on being tried. */
  get stuck() {
    return this.#since > 0 && performance.now() - this.#since > STUCK;
  }

  /** Connects, and stays connected until `close`. */
  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    void this.#attempt();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#forget();
    this.#end();
    this.people = new Map();
    this.shown = null;
  }

  /**
   * What is sent from now on; null sends nothing of this kind.
   * @param {Kind} kind
   * @param {MediaStreamTrack | null} track
   */
  async put(kind, track) {
    this.#tracks[kind] = track;
    if (track && kind === "document") track.contentHint = "detail";
    const at = { audio: 0, camera: 1, document: 2 }[kind];
    await this.#pc?.getTransceivers()[at]?.sender.replaceTrack(track);
  }

  /**
   * Whose pictures are shown large here, the most important first.
   * @param {string[]} places
   */
  watch(places) {
    if (places.join() === this.#watched?.join()) return;
    this.#watched = this.#socket.send({ type: "watch", places }) ? places : null;
  }

  async #attempt() {
    clearTimeout(this.#timer);
    if (!this.#wanted || !this.#socket.up || !this.#socket.servers) return; // `ice` comes back here
    this.#end();
    this.#since ||= performance.now();
    this.#later(Math.min(LONGEST, FIRST * 2 ** this.#tries)); // whatever becomes of this attempt
    this.#tries += 1;
    const pc = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      iceServers: this.#socket.servers,
      iceTransportPolicy: this.#policy,
    });
    this.#pc = pc;
    this.#n += 1;
    this.#id = `${Date.now().toString(36)}-${this.#n}`;
    pc.onconnectionstatechange = () => this.#changed(pc);
    this.#sections(pc);
    try {
      await pc.setLocalDescription(await pc.createOffer());
    } catch (error) {
      if (this.#pc === pc) throw error; // else it was closed meanwhile
    }
    if (this.#pc !== pc) return;
    this.#socket.send({ type: "offer", connection: this.#id, sdp: pc.localDescription?.sdp });
  }

  /** @param {RTCPeerConnection} pc */
  #sections(pc) {
    pc.addTransceiver(this.#tracks.audio ?? "audio", { direction: "sendonly" });
    pc.addTransceiver(this.#tracks.camera ?? "video", { direction: "sendonly", sendEncodings: LAYERS });
    pc.addTransceiver(this.#tracks.document ?? "video", { direction: "sendonly" });
    this.#lines = [];
    for (let line = 0; line < LINES; line += 1) {
      const audio = pc.addTransceiver("audio", { direction: "recvonly" }).receiver.track;
      const video = pc.addTransceiver("video", { direction: "recvonly" }).receiver.track;
      this.#lines.push({ audio, video });
    }
    this.#documentLine = pc.addTransceiver("video", { direction: "recvonly" }).receiver.track;
  }

  /** The way to the service is back, and with it the servers by which media may connect. */
  #told() {
    const fresh = this.#fresh;
    this.#fresh = false;
    if (!fresh || !this.#wanted) return;
    this.#watched = null; // what was told meanwhile was not heard here: asking brings it again
    this.dispatchEvent(new Event("people"));
    this.#check();
  }

  /** @param {{connection: string, sdp: string}} message */
  async #answered({ connection, sdp }) {
    if (connection !== this.#id || !this.#pc || this.#pc.signalingState !== "have-local-offer") return;
    this.refusal = "";
    await this.#pc.setRemoteDescription({ type: "answer", sdp });
    await this.#sendLayers();
  }

  /** @param {{connection: string, taken: string[] | null, without: {place: string, kind: string}[]}} message */
  async #pictured({ connection, taken, without }) {
    if (connection !== this.#id) return;
    this.#taken = taken;
    this.without = new Set(without.map(({ place, kind }) => (kind === "document" ? "document" : place)));
    this.dispatchEvent(new Event("people"));
    await this.#sendLayers();
  }

  /** Layers that nobody takes are not sent. */
  async #sendLayers() {
    const sender = this.#pc?.getTransceivers()[1]?.sender;
    if (!sender || !this.#taken || this.#pc?.signalingState !== "stable") return;
    const parameters = sender.getParameters();
    let changed = false;
    for (const encoding of parameters.encodings) {
      const active = this.#taken.includes(encoding.rid ?? "");
      changed ||= encoding.active !== active;
      encoding.active = active;
    }
    if (changed) await sender.setParameters(parameters);
  }

  /** @param {{about: string, connection: string, sentence: string}} message */
  #refused({ about, connection, sentence }) {
    if (about !== "offer" || connection !== this.#id || this.up) return;
    this.refusal = sentence;
    this.#later(RETRY);
  }

  /** The attempts of before are not counted any more. */
  #forget() {
    this.#tries = this.#since = 0;
    this.refusal = "";
  }

  /** @param {{connection: string, lines: {line: number, place: string}[], document: string | null}} message */
  #lined({ connection, lines, document }) {
    if (connection !== this.#id) return;
    const before = this.people;
    this.people = new Map();
    for (const { line, place } of lines) {
      const tracks = this.#lines[line];
      if (!tracks) continue;
      const had = before.get(place);
      const same = had?.getTracks().includes(tracks.audio);
      this.people.set(place, had && same ? had : new MediaStream([tracks.audio, tracks.video]));
    }
    if (!document || !this.#documentLine) this.shown = null;
    else if (this.shown?.place !== document) this.shown = { place: document, stream: new MediaStream([this.#documentLine]) };
    this.dispatchEvent(new Event("people"));
  }

  /** @param {RTCPeerConnection} pc */
  #changed(pc) {
    if (pc !== this.#pc) return;
    if (pc.connectionState === "connected") {
      clearTimeout(this.#timer);
      this.#forget();
      this.#bytes = this.#quiet = 0;
      this.#watched = null;
      this.dispatchEvent(new Event("up"));
    } else if (pc.connectionState === "disconnected") {
      this.dispatchEvent(new Event("down"));
      this.#later(SHAKY);
    } else if (pc.connectionState === "failed" || pc.connectionState === "closed") {
      this.dispatchEvent(new Event("down"));
      this.#later(this.#tries ? RETRY : RETRY / 4); // at once only if it had been up
    }
  }

  /** @param {number} wait milliseconds; a connection that came up meanwhile is left alone */
  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wanted && !this.up && void this.#attempt(), wait);
  }

  /** The socket came back: media gets a moment to come back by the same way, then a new connection is offered. */
  #check() {
    if (!this.#pc || this.#pc.connectionState === "failed") return void this.#attempt();
    if (this.up && this.#quiet === 0) return;
    clearTimeout(this.#timer);
    const again = () => this.#wanted && (!this.up || this.#quiet > 0) && void this.#attempt();
    this.#timer = setTimeout(again, this.up ? CHECKED : GRACE);
  }

  /** Nothing arrives any more although something did: the way of the media is dead. */
  async #look() {
    if (!this.up || !this.#pc) return;
    let bytes = 0;
    for (const one of (await this.#pc.getStats()).values()) if (one.type === "candidate-pair") bytes += one.bytesReceived ?? 0;
    this.#quiet = bytes === this.#bytes && bytes > 0 ? this.#quiet + 1 : 0;
    this.#bytes = bytes;
    if (this.#quiet >= SILENT && this.people.size > 0) {
      this.#quiet = 0;
      this.dispatchEvent(new Event("down"));
      await this.#attempt();
    }
  }

  #end() {
    const pc = this.#pc;
    this.#pc = null;
    this.#id = "";
    this.#taken = this.#watched = null;
    this.without = new Set();
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }
}
