/** Leaves and disclosures, each of its form and in its place, and what lacks is declared. */
import { Refusal, ascii, base64url, fromBase64url } from "./bytes.js";
import { checkCourse } from "./course.js";
import { sha256 } from "./digests.js";
import { member, odd } from "./entry.js";
import { instant, members, readCanonical, sortedOnce, texts } from "./json.js";
import { withheld } from "./log.js";
import { Bundle, LONGEST_LINE } from "./zip.js";

/** @typedef {import("./entry.js").Entry} Entry */
/** Of each leaf type: whether it carries `participant`, and its required names. @typedef {Record<string, [boolean, string[]]>} Kinds */

const HANDLE = /^[a-z2-7]{8}$/;
const TYPE = /^[a-z]+\.[a-z]+$/;
const DIGEST = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const SALT = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const FORBIDDEN = ["v", "hearing", "seq", "time", "type", "participant", "_sd", "..."];

/** @param {Bundle} bundle @param {import("./log.js").Log} log @param {Uint8Array[]} leaves @param {Kinds} kinds @returns {Promise<Entry[]>} */
export async function readEntries(bundle, log, leaves, kinds) {
  const given = await disclosuresOf(bundle, leaves.length);
  /** @type {Set<string>} */
  const seen = new Set();
  const entries = leaves.map((leaf, seq) => readEntry(leaf, seq, log.record.hearing, given.get(seq) ?? [], seen, kinds));
  const back = entries.find((entry, place) => place > 0 && entries[place - 1].time > entry.time);
  if (back) throw new Refusal("The time of entry {seq} lies before that of the entry before.", { seq: back.seq });
  const first = entries.slice(0, 2).map((entry) => entry.kind).join();
  if (first !== "hearing.opened,request.received" || member(entries[0], "logKey", "str") !== log.key.vkey) {
    throw new Refusal("The journal does not begin with its opening, this log key and the request.");
  }
  checkCourse(entries, log.record.hearing);
  checkDeclared(entries, withheld(log, "seq"));
  return entries;
}

/** @param {Entry[]} entries @param {Set<number>} declared */
function checkDeclared(entries, declared) {
  for (const { seq, concealed } of entries) {
    if (concealed === true && !declared.has(seq)) throw new Refusal("Entry {seq} lacks something that is not declared.", { seq });
    if (concealed === false && declared.has(seq)) throw new Refusal("Entry {seq} is declared as withheld, and lacks nothing.", { seq });
  }
  const beyond = Array.from(declared).find((seq) => !(seq in entries));
  if (beyond !== undefined) throw new Refusal("Entry {seq} is declared as withheld, and lacks nothing.", { seq: beyond });
}

/** @param {Bundle} bundle @param {number} size */
async function disclosuresOf(bundle, size) {
  /** @type {Map<number, string[]>} */
  const given = new Map();
  let last = -1;
  for (const line of await bundle.lines("data/journal/disclosures.jsonl")) {
    const refusal = new Refusal("{name} is not in the form that the format gives it.", { name: "data/journal/disclosures.jsonl" });
    const row = members(readCanonical(line, refusal), { d: "list", seq: "int" }, refusal);
    if (row.seq <= last || row.seq >= size || !row.d.length) throw refusal;
    last = row.seq;
    given.set(last, texts(row.d, refusal));
  }
  return given;
}

/** @param {Uint8Array} leaf @param {number} seq @param {string} hearing @param {string[]} given @param {Set<string>} seen @param {Kinds} kinds @returns {Entry} */
function readEntry(leaf, seq, hearing, given, seen, kinds) {
  const clear = readClear(leaf, seq, hearing, kinds);
  const digests = checkDigests(clear._sd, seq, seen);
  /** @type {Record<string, any>} */
  const disclosed = Object.create(null);
  for (const disclosure of given) {
    const digest = base64url(sha256(ascii(/^[\x00-\x7f]*$/.test(disclosure) ? disclosure : "")));
    if (!digests.delete(digest)) throw new Refusal("A disclosure of entry {seq} is not in its leaf, or there twice.", { seq });
    const [name, value] = readDisclosure(disclosure, seq);
    if (name in disclosed) throw odd(seq);
    disclosed[name] = value;
  }
  const concealed = lacks(clear.type, disclosed, seq, clear._sd.length, kinds);
  delete disclosed.names;
  return { seq, time: instant(clear.time, odd(seq)), kind: clear.type, participant: clear.participant ?? null, disclosed, concealed };
}

/** @param {Uint8Array} leaf @param {number} seq @param {string} hearing @param {Kinds} kinds */
function readClear(leaf, seq, hearing, kinds) {
  const value = /** @type {any} */ (readCanonical(leaf, odd(seq)));
  /** @type {Record<string, import("./json.js").Kind>} */
  const wanted = { v: "int", hearing: "str", seq: "int", time: "str", type: "str", _sd: "list" };
  if (value !== null && typeof value === "object" && "participant" in value) wanted.participant = "str";
  const clear = members(value, wanted, odd(seq));
  const ours = clear.v === 1 && clear.hearing === hearing && clear.seq === seq;
  if (!ours || !TYPE.test(clear.type) || !HANDLE.test(clear.participant ?? "aaaaaaaa")) throw odd(seq);
  if (Object.hasOwn(kinds, clear.type) && kinds[clear.type][0] !== "participant" in clear) throw odd(seq);
  return clear;
}

/** @param {any[]} digests @param {number} seq @param {Set<string>} seen of the journal so far; these are added */
function checkDigests(digests, seq, seen) {
  const padded = digests.length > 0 && digests.length % 4 === 0;
  if (!padded || !texts(digests, odd(seq)).every((digest) => DIGEST.test(digest)) || !sortedOnce(digests)) throw odd(seq);
  for (const digest of digests) {
    if (seen.has(digest)) throw odd(seq);
    seen.add(digest);
  }
  return new Set(/** @type {string[]} */ (digests));
}

/** Name and value. @param {string} disclosure @param {number} seq @returns {[string, any]} */
function readDisclosure(disclosure, seq) {
  const raw = disclosure.length <= LONGEST_LINE ? fromBase64url(disclosure) : null;
  if (raw === null) throw odd(seq);
  const value = readCanonical(raw, odd(seq));
  if (!Array.isArray(value) || value.length !== 3) throw odd(seq);
  const [salt, name, content] = value;
  if (typeof salt !== "string" || typeof name !== "string" || !SALT.test(salt) || FORBIDDEN.includes(name) || nests(content)) {
    throw odd(seq);
  }
  return [name, content];
}

/** @param {any} value @returns {boolean} */
function nests(value) {
  if (value === null || typeof value !== "object") return false;
  return (!Array.isArray(value) && "_sd" in value) || Object.values(value).some(nests);
}

/** Whether anything of an entry is concealed; null if that cannot be known. @param {string} kind @param {Record<string, any>} disclosed @param {number} seq @param {number} total @param {Kinds} kinds */
function lacks(kind, disclosed, seq, total, kinds) {
  const required = Object.hasOwn(kinds, kind) ? kinds[kind][1] : [];
  const there = Object.keys(disclosed).filter((name) => name !== "names");
  if (!("names" in disclosed)) return required.length || there.length ? true : null;
  const incomplete = new Refusal("The names of entry {seq} ({type}) are not complete.", { seq, type: kind });
  if (!Array.isArray(disclosed.names)) throw incomplete;
  const listed = texts(disclosed.names, incomplete);
  if (!sortedOnce(listed) || listed.includes("names")) throw incomplete;
  if (![...required, ...there].every((name) => listed.includes(name))) throw incomplete;
  if (total !== Math.ceil((listed.length + 1) / 4) * 4) throw incomplete;
  return listed.length !== there.length;
}
