/**
 * How a place is to be opened, said by the end of its link and kept however many pages lie between: `#muted` with
 * the microphone closed, `#relay` by the TURN server alone, as a technical check.
 */

/** @typedef {"#muted" | "#relay"} Wish */
/** @type {string[]} */
const WISHES = ["#muted", "#relay"];

export function keepWish() {
  if (WISHES.includes(location.hash)) sessionStorage.setItem("join", location.hash);
}

/**
 * Whether this was wished; what was kept is told once.
 * @param {Wish} wish
 */
export function wished(wish) {
  const kept = sessionStorage.getItem("join");
  if (kept === wish) sessionStorage.removeItem("join");
  return kept === wish;
}
