/**
 * The one socket of a page: heartbeat, and back by itself as soon as there is a way.
 *
 * Events, each a CustomEvent with the message as `detail`: ice, state, answer, lines, pictures, levels, figures,
 * refused; `up` and `down`
 * as the way comes and goes; `over` when the service ended it for good (another window, a withdrawn link).
 */

const VERSION = 1;
const BEAT = 5000; // milliseconds
const DEAD = 9000; // without any answer
const FIRST = 300;
const LONGEST = 3000;
const NOT_SIGNED_IN = 4401;

/** @typedef {{type: string} & Record<string, any>} Message */

export class Socket extends EventTarget {
  /** @type {WebSocket | null} */
  #socket = null;
  #path;
  #over = false;
  #tries = 0;
  #n = 0;
  #heard = 0;
  #sent = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {RTCIceServer[] | null} by which media may connect, as told last; null before, and while there is no way */
  servers = null;
  /** Milliseconds to the service and back, as last measured. */
  roundTrip = 0;

  /** @param {string} path of the socket on this service */
  constructor(path) {
    super();
    this.#path = path;
    setInterval(() => this.#beat(), BEAT);
    for (const news of ["online", "pageshow"]) addEventListener(news, () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
    addEventListener("offline", () => this.#drop());
    queueMicrotask(() => this.#open()); // whoever listens has listened by then
  }

  get up() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get over() {
    return this.#over;
  }

  /**
   * @param {Message} message
   * @returns {boolean} whether there was a way to send it
   */
  send(message) {
    if (!this.up) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  #open() {
    clearTimeout(this.#again);
    if (this.#over || this.#socket) return;
    const socket = new WebSocket(new URL(this.#path, location.href.replace(/^http/, "ws")));
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onopen = () => {
      this.#tries = 0;
      this.#heard = performance.now();
      this.send({ type: "hello", version: VERSION });
      this.#tell("up");
    };
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (event.code === NOT_SIGNED_IN) this.#over = true;
      if (this.#socket === socket) this.#drop();
    };
  }

  /** @param {Message} message */
  #take(message) {
    this.#heard = performance.now();
    if (message.type === "pong") {
      this.roundTrip = this.#heard - this.#sent;
      return;
    }
    if (message.type === "superseded" || message.type === "closed") {
      this.#over = true;
      this.#tell("over", message);
      return;
    }
    if (message.type === "ice") this.servers = message.servers;
    this.#tell(message.type, message);
  }

  #beat() {
    if (!this.#socket) return;
    if (performance.now() - this.#heard > DEAD) return this.#drop();
    this.#n += 1;
    this.#sent = performance.now();
    this.send({ type: "ping", n: this.#n });
  }

  /** Something says that the way may be back, or another one: ask at once. */
  #hurry() {
    if (this.#over) return;
    if (!this.#socket) this.#open();
    else this.#beat();
  }

  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = this.servers = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#tell("down");
    if (this.#over) return;
    const wait = Math.min(LONGEST, FIRST * 2 ** this.#tries) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#open(), wait);
  }

  /**
   * @param {string} type
   * @param {Message} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
