/** The log key, the heads and the tree: RFC 6962, and C2SP's signed-note, tlog-checkpoint and tlog-cosignature. */
import { Refusal, ascii, byCodePoint, fromBase64, fromUtf8, hex, joined, malformed, same, utf8 } from "./bytes.js";
import { ed25519Holds } from "./curves.js";
import { sha256 } from "./digests.js";
import { members, readCanonical, readFree, texts } from "./json.js";
import { Bundle } from "./zip.js";

/** @typedef {{name: string, id: string, value: Uint8Array}} Line a signature line of a note */
/** @typedef {{origin: string, size: number, root: Uint8Array, text: Uint8Array, lines: Line[]}} Head */
/** `id`: four bytes in hex; `raw`: the Ed25519 key. @typedef {{name: string, id: string, raw: Uint8Array}} Key */
/** @typedef {{vkey: string, at: number}} Cosigned when, in ms since 1970 */
/** @typedef {{record: Record<string, any>, key: Record<string, any>, head: Head, earlier: Head[], cosigned: Cosigned[]}} Log */
/** @typedef {{logKeys: string[], cosigners: string[], quorum: number, heads: Head[], courts: number}} Trust */

export const HEAD = "data/journal/checkpoint.txt";
const [LOG_KEY, COSIGNATURE] = [1, 4];
const LONGEST_NOTE = 64 * 1024;
const LARGEST_TRUST = 16 * 1024 * 1024;
const LAST_SECOND = 253_402_300_799n; // of the year 9999

/** @param {string} vkey @param {number} type @param {string} where @returns {Key} */
function keyOf(vkey, type, where) {
  const found = /^([^+]+)\+([0-9a-f]{8})\+(.*)$/s.exec(vkey);
  const key = found && fromBase64(found[3]);
  if (!found || !key || key.length !== 33 || key[0] !== type) throw malformed(where);
  const id = hex(sha256(utf8(`${found[1]}\n`), key).subarray(0, 4));
  if (id !== found[2]) throw malformed(where);
  return { name: found[1], id, raw: key.subarray(1) };
}

/** @param {Uint8Array} note @param {string} where @returns {Head} */
export function readHead(note, where) {
  const text = note.length > LONGEST_NOTE ? null : fromUtf8(note);
  const cut = text?.indexOf("\n\n") ?? -1;
  if (text === null || cut < 0 || !text.endsWith("\n")) throw malformed(where);
  const [origin, size, encoded, ...more] = text.slice(0, cut).split("\n");
  const root = fromBase64(encoded ?? "");
  const lines = text.slice(cut + 2, -1).split("\n").map((line) => readLine(line, where));
  if (!origin || more.length || !/^(0|[1-9][0-9]*)$/.test(size) || root?.length !== 32) throw malformed(where);
  return { origin, size: Number(size), root, text: utf8(`${text.slice(0, cut)}\n`), lines };
}

/** @param {string} line @param {string} where @returns {Line} */
function readLine(line, where) {
  const [dash, name, encoded, ...more] = line.split(" ");
  const raw = fromBase64(encoded ?? "");
  if (dash !== "—" || !name || more.length || !raw || raw.length <= 4) throw malformed(where);
  return { name, id: hex(raw.subarray(0, 4)), value: raw.subarray(4) };
}

/** Whether exactly one line is of this log key, it is the first, and it holds. @param {Head} head @param {string} vkey */
function signedBy(head, vkey) {
  const key = keyOf(vkey, LOG_KEY, "vkey");
  const mine = head.lines.filter((line) => line.name === key.name && line.id === key.id);
  return mine.length === 1 && mine[0] === head.lines[0] && ed25519Holds(key.raw, mine[0].value, head.text);
}

/** When this cosigner says that it signed, in ms; null if it has not. @param {Head} head @param {string} vkey */
function cosignedAt(head, vkey) {
  const key = keyOf(vkey, COSIGNATURE, "vkey");
  const mine = head.lines.filter((line) => line.name === key.name && line.id === key.id);
  if (!mine.length) return null;
  const refusal = new Refusal("The cosignature of {name} does not hold.", { name: key.name });
  const value = mine[0].value;
  if (mine.length !== 1 || value.length !== 72) throw refusal;
  const seconds = BigInt(`0x${hex(value.subarray(0, 8))}`);
  const signed = joined(ascii(`cosignature/v1\ntime ${seconds}\n`), head.text);
  if (seconds > LAST_SECOND || !ed25519Holds(key.raw, value.subarray(8), signed)) throw refusal;
  return Number(seconds) * 1000;
}

// --- the trust file ----------------------------------------------------------------------------

/** All but its certificates, which are left to the command. @param {Uint8Array} data @returns {Trust} */
export function readTrust(data) {
  const refusal = malformed("trust.json");
  if (data.length > LARGEST_TRUST) throw refusal;
  const value = /** @type {any} */ (readFree(data, refusal));
  const names = ["v", "logKeys", "courts", "cosigners", "quorum", "timestampRoots", "heads"];
  if (value === null || typeof value !== "object" || Array.isArray(value) || value.v !== 1) throw refusal;
  if (!Object.keys(value).every((name) => names.includes(name))) throw refusal;
  const list = (/** @type {string} */ name) => {
    const found = value[name] ?? [];
    if (!Array.isArray(found) || value[name] === null) throw refusal;
    return found;
  };
  for (const court of list("courts")) checkCourt(court, refusal);
  const [logKeys, cosigners] = [texts(list("logKeys"), refusal), texts(list("cosigners"), refusal)];
  for (const vkey of logKeys) keyOf(vkey, LOG_KEY, "trust.json");
  for (const vkey of cosigners) keyOf(vkey, COSIGNATURE, "trust.json");
  const quorum = "quorum" in value ? value.quorum : 0;
  const possible = Number.isInteger(quorum) && quorum >= 0 && quorum <= new Set(cosigners).size;
  const courts = list("courts").length;
  if (!(courts || logKeys.length) || !possible) throw refusal;
  texts(list("timestampRoots"), refusal);
  const heads = texts(list("heads"), refusal).map((note) => readHead(utf8(note), "trust.json"));
  return { logKeys, cosigners, quorum, heads, courts };
}

/** @param {any} court @param {Refusal} refusal */
function checkCourt(court, refusal) {
  const known = court !== null && typeof court === "object" && typeof court.cert === "string" && Array.isArray(court.roles);
  if (!known || !Object.keys(court).every((name) => ["cert", "roles", "organizationIdentifier"].includes(name))) throw refusal;
  if (!court.roles.length || !court.roles.every((/** @type {any} */ role) => role === "seal" || role === "release")) throw refusal;
}

// --- what the record says of itself, and its heads ---------------------------------------------

/** @param {Bundle} bundle @param {Trust | null} trust whose cosigners, if it names any, go before those of the package @returns {Promise<Log>} */
export async function readLog(bundle, trust) {
  const record = checkedRecord(readCanonical(await bundle.line("data/record.json"), malformed("data/record.json")), bundle.hearing);
  const key = checkedKey(readCanonical(await bundle.line("data/trust/log-key.json"), malformed("data/trust/log-key.json")), record);
  const head = await signedHead(bundle, key, HEAD);
  const earlier = [];
  for (const path of bundle.paths.filter((one) => one.startsWith("data/journal/checkpoints/"))) {
    const old = await signedHead(bundle, key, path);
    if (path !== `data/journal/checkpoints/${old.size}.txt`) throw malformed(path);
    earlier.push(old);
  }
  if (bundle.has("data/journal/checkpoint.tst") !== key.timestamps) {
    throw new Refusal("The log key says otherwise whether the head bears a timestamp.");
  }
  const outside = trust !== null && trust.cosigners.length > 0;
  const known = new Set(outside ? trust.cosigners : key.cosigners);
  const cosigned = Array.from(known, (vkey) => ({ vkey, at: cosignedAt(head, vkey) })).filter(({ at }) => at !== null);
  for (const old of earlier) for (const vkey of known) cosignedAt(old, vkey);
  const quorum = outside ? trust.quorum : key.quorum;
  if (cosigned.length < quorum) {
    throw new Refusal("The head has {count} of the {quorum} cosignatures that it needs.", { count: cosigned.length, quorum });
  }
  return { record, key, head, earlier, cosigned: /** @type {Cosigned[]} */ (cosigned) };
}

/** @param {import("./json.js").Json} value @param {string} hearing */
function checkedRecord(value, hearing) {
  const refusal = malformed("data/record.json");
  const record = members(
    value,
    { v: "int", hearing: "str", origin: "str", size: "int", root: "str", kind: "str", sd_alg: "str", withheld: "list", tools: "dict" },
    refusal,
  );
  const said = [record.v, record.hearing, record.origin, record.sd_alg].join();
  if (said !== `1,urn:uuid:${hearing},vivavoce/${hearing},sha-256`) throw refusal;
  if (record.kind !== "redacted" && (record.kind !== "full" || record.withheld.length)) throw refusal;
  const ordered = record.withheld.every((/** @type {any} */ item, /** @type {number} */ place) => {
    checkWithheld(item, refusal);
    return place === 0 || inOrder(record.withheld[place - 1], item);
  });
  if (!ordered) throw refusal;
  return record;
}

/** @param {any} item @param {Refusal} refusal */
function checkWithheld(item, refusal) {
  const what = item !== null && typeof item === "object" && "path" in item ? "path" : "seq";
  members(item, { [what]: what === "path" ? "str" : "int", ground: "str", decision: "str" }, refusal);
  if (!item.ground.trim() || !item.decision.trim()) throw refusal;
}

/** @param {any} one @param {any} other */
function inOrder(one, other) {
  if ("path" in one !== "path" in other) return "seq" in one;
  return "path" in one ? byCodePoint(one.path, other.path) < 0 : one.seq < other.seq;
}

/** @param {import("./json.js").Json} value @param {Record<string, any>} record */
function checkedKey(value, record) {
  const path = "data/trust/log-key.json";
  const key = members(
    value,
    { v: "int", hearing: "str", origin: "str", vkey: "str", timestamps: "bool", cosigners: "list", quorum: "int" },
    malformed(path),
  );
  const names = texts(key.cosigners, malformed(path));
  const cosigners = new Set(names.map((vkey) => JSON.stringify(keyOf(vkey, COSIGNATURE, path))));
  const ours = ["v", "hearing", "origin"].every((name) => key[name] === record[name]);
  if (!ours || keyOf(key.vkey, LOG_KEY, path).name !== key.origin) throw malformed(path);
  if (cosigners.size !== names.length || key.quorum < 0 || key.quorum > names.length) throw malformed(path);
  return key;
}

/** @param {Bundle} bundle @param {Record<string, any>} key @param {string} path */
async function signedHead(bundle, key, path) {
  const head = readHead(await bundle.read(path), path);
  if (head.origin !== key.origin || !signedBy(head, key.vkey)) {
    throw new Refusal("{name} is not signed by the log key, first and once.", { name: path });
  }
  return head;
}

/** What is declared as withheld: numbers of entries (`seq`) or paths (`path`). @param {Log} log @param {"seq" | "path"} what @returns {Set<any>} */
export function withheld(log, what) {
  return new Set(log.record.withheld.filter((/** @type {any} */ item) => what in item).map((/** @type {any} */ item) => item[what]));
}

// --- the tree ----------------------------------------------------------------------------------

/** A growing tree, kept as the roots of its full subtrees from left to right. */
export class Tree {
  constructor() {
    this.size = 0;
    /** @type {Uint8Array[]} */
    this.peaks = [];
  }

  /** @param {Uint8Array} leaf its bytes */
  append(leaf) {
    this.peaks.push(sha256(Uint8Array.of(0), leaf));
    this.size++;
    for (let size = this.size; size % 2 === 0; size /= 2) {
      const [left, right] = this.peaks.splice(-2);
      this.peaks.push(sha256(Uint8Array.of(1), left, right));
    }
  }

  root() {
    return this.peaks.length ? this.peaks.reduceRight((right, left) => sha256(Uint8Array.of(1), left, right)) : sha256();
  }
}

/** The leaves, if they make the head, and every earlier or kept head is a prefix. @param {Bundle} bundle @param {Log} log @param {Head[]} kept */
export async function grow(bundle, log, kept) {
  for (const head of kept) {
    if (head.origin !== log.head.origin || !signedBy(head, log.key.vkey)) {
      throw new Refusal("The kept head is of another journal, or not signed by this journal's log key.");
    }
  }
  const leaves = await bundle.lines("data/journal/leaves.jsonl");
  const size = leaves.length;
  if (size !== log.head.size || size !== log.record.size) {
    throw new Refusal("There are {leaves} entries, and the head is over {size}.", { leaves: size, size: log.head.size });
  }
  const older = [...log.earlier, ...kept];
  const longer = older.find((head) => head.size > size);
  if (longer) {
    throw new Refusal("A head over {size} entries was kept, and this record is shorter: {leaves}.", { size: longer.size, leaves: size });
  }
  const roots = rootsOf(leaves, new Set([...older.map((head) => head.size), size]));
  const root = /** @type {Uint8Array} */ (roots.get(size));
  if (!same(root, log.head.root) || hex(root) !== log.record.root) {
    throw new Refusal("The entries do not make the root that the head was signed over.");
  }
  const forked = older.find((head) => !same(roots.get(head.size) ?? new Uint8Array(), head.root));
  if (forked) throw new Refusal("A head over {size} entries is of another history than this record.", { size: forked.size });
  return leaves;
}

/** @param {Uint8Array[]} leaves @param {Set<number>} sizes */
function rootsOf(leaves, sizes) {
  const tree = new Tree();
  const roots = new Map([[0, tree.root()]]);
  for (const leaf of leaves) {
    tree.append(leaf);
    if (sizes.has(tree.size)) roots.set(tree.size, tree.root());
  }
  return roots;
}
