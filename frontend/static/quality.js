/**
 * How good the connection is, from what the browser counts: good, weak or bad.
 *
 * Weak: more than 3 % of sound packets lost or 300 ms to the service and back. Bad: more than 10 %, or 800 ms.
 * It gets worse after two seconds, and better after five.
 */

const WORSE = 2;
const BETTER = 5;
/** @typedef {"good" | "weak" | "bad"} Quality */
/** @type {Quality[]} */
const SCALE = ["good", "weak", "bad"];

export class Meter {
  #received = 0;
  #lost = 0;
  #at = 0;
  #other = 0;
  #times = 0;

  /** @returns {Quality} */
  get quality() {
    return SCALE[this.#at] ?? "bad";
  }

  /**
   * Once a second.
   * @param {RTCStatsReport} report
   */
  take(report) {
    let [received, lost, trip] = [0, 0, 0];
    for (const one of report.values()) {
      if (one.type === "inbound-rtp" && one.kind === "audio") {
        received += one.packetsReceived ?? 0;
        lost += one.packetsLost ?? 0;
      }
      if (one.type === "candidate-pair" && one.nominated) trip = one.currentRoundTripTime ?? 0;
    }
    const came = received - this.#received;
    const missed = Math.max(0, lost - this.#lost);
    [this.#received, this.#lost] = [received, lost];
    const share = came > 0 ? missed / (came + missed) : 0;
    this.#settle(share > 0.1 || trip > 0.8 ? 2 : share > 0.03 || trip > 0.3 ? 1 : 0);
    return this.quality;
  }

  /** @param {number} now */
  #settle(now) {
    this.#times = now === this.#other ? this.#times + 1 : 1;
    this.#other = now;
    if (now !== this.#at && this.#times >= (now > this.#at ? WORSE : BETTER)) this.#at = now;
  }
}
