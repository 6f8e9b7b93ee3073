/** An entry of the journal as read: what is clear, what is disclosed, and whether anything is concealed. */
import { Refusal } from "./bytes.js";
import { members } from "./json.js";

/**
 * `time`: ms since 1970; `concealed`: whether anything is, null where that cannot be known.
 * @typedef {{seq: number, time: number, kind: string, participant: string | null, disclosed: Record<string, any>, concealed: boolean | null}} Entry
 */

/** @param {number} seq */
export function odd(seq) {
  return new Refusal("Entry {seq} is not in the form that the format gives it.", { seq });
}

/** A disclosed member of this kind; null if it is concealed. @param {Entry} entry @param {string} name @param {import("./json.js").Kind} kind */
export function member(entry, name, kind) {
  if (!(name in entry.disclosed)) return null;
  return members({ one: entry.disclosed[name] }, { one: kind }, odd(entry.seq)).one;
}
