/** Sealed files, the originals behind them (pcapng), and the account of time. Times are ms since 1970; spans are half open. */
import { Refusal, hex, malformed } from "./bytes.js";
import { sha256 } from "./digests.js";
import { member, odd } from "./entry.js";
import { instant, members, readCanonical } from "./json.js";
import { withheld } from "./log.js";
import { Bundle, LARGEST_TEXT, MEDIA, digestOf } from "./zip.js";

/** @typedef {import("./entry.js").Entry} Entry */
/** @typedef {import("./log.js").Log} Log */
/** @typedef {{since: number, until: number, segment: boolean}} Span */
/** `tracks` is null where they are concealed. @typedef {{number: number, since: number, until: number, tracks: string[] | null}} Stretch */
/** @typedef {{off: number, len: number, span: Span, sha256: string}} Row */
/** @typedef {{len: number, sha256: string, seq: number}} Anchor */
/** Keys of the maps are `track stretch`.
 * @typedef {{
 *   stretches: Stretch[], gaps: {track: string, span: Span}[], concealedGaps: number,
 *   progress: Map<string, Map<number, Anchor>>, losses: Map<string, {first: number, n: number}>, concealedLosses: number,
 * }} Told what the journal says of sound and picture
 */
/** @typedef {Map<string, Row[]>} Rows */

const SEGMENT = 2000;
const FOLDERS = /** @type {Record<string, string>} */ ({ "media.sealed": "data/media/", "minutes.sealed": "data/minutes/" });

// --- which files there must be -----------------------------------------------------------------

/** Digest and entry of every file that an entry seals, by path. @param {Entry[]} entries */
export function sealedPaths(entries) {
  /** @type {Map<string, {sha256: string, seq: number}>} */
  const sealed = new Map();
  for (const { seq, kind, disclosed } of entries) {
    const [path, digest] = [disclosed.path ?? null, disclosed.sha256 ?? null];
    if (!Object.hasOwn(FOLDERS, kind) || path === null) continue;
    if (typeof path !== "string" || !path.startsWith(FOLDERS[kind]) || sealed.has(path)) {
      throw new Refusal("Entry {seq} seals {path} twice, or in a wrong place.", { seq, path: String(path) });
    }
    if (digest !== null && !/^[0-9a-f]{64}$/.test(String(digest))) throw odd(seq);
    sealed.set(path, { sha256: String(digest), seq });
  }
  return sealed;
}

/** @param {Bundle} bundle @param {Log} log @param {ReturnType<typeof sealedPaths>} sealed */
export function checkFiles(bundle, log, sealed) {
  const there = new Set(bundle.paths.filter((path) => /^data\/(media|minutes)\//.test(path)));
  const declared = withheld(log, "path");
  for (const path of there) {
    const seal = sealed.get(path);
    if (!seal) throw new Refusal("{path} is sealed by no entry.", { path });
    if (bundle.sha256(path) !== seal.sha256) throw new Refusal("{path} is not the file that entry {seq} sealed.", { path, seq: seal.seq });
  }
  for (const path of sealed.keys()) {
    if (!there.has(path) && !declared.has(path)) throw new Refusal("{path} was sealed, and is missing.", { path });
  }
  for (const path of declared) {
    if (there.has(path) || !sealed.has(path)) {
      throw new Refusal("{path} is declared as withheld, and is there or was never sealed.", { path });
    }
  }
}

// --- what the journal says ---------------------------------------------------------------------

/** @param {Entry[]} entries @returns {Told} */
export function recordingOf(entries) {
  /** @type {Told} */
  const told = { stretches: [], gaps: [], concealedGaps: 0, progress: new Map(), losses: new Map(), concealedLosses: 0 };
  for (const entry of entries) {
    if (entry.kind === "record.on") {
      told.stretches.push({ number: told.stretches.length + 1, since: entry.time, until: entry.time, tracks: tracksOf(entry) });
    } else if (entry.kind === "record.off") told.stretches[told.stretches.length - 1].until = entry.time;
    else if (entry.kind === "media.gap") addGap(told, entry);
    else if (entry.kind === "media.progress") addProgress(told, entry);
    else if (entry.kind === "media.lost") addLoss(told, entry);
  }
  return told;
}

/** @param {Entry} entry */
function tracksOf(entry) {
  const tracks = member(entry, "tracks", "list");
  if (tracks === null) return null;
  const named = tracks.every((/** @type {any} */ track) => typeof track === "string" && /^[a-z2-7]{8}-[a-z]+$/.test(track));
  if (!named || new Set(tracks).size !== tracks.length) throw odd(entry.seq);
  return tracks;
}

/** @param {Told} told @param {Entry} entry */
function addGap(told, entry) {
  const [track, since, until, reason] = ["track", "from", "to", "reason"].map((name) => member(entry, name, "str"));
  if (track === null || since === null || until === null) {
    told.concealedGaps++;
    return;
  }
  if (reason !== null && !reason.trim()) throw odd(entry.seq);
  const span = { since: instant(since, odd(entry.seq)), until: instant(until, odd(entry.seq)), segment: false };
  told.gaps.push({ track, span });
}

/** @param {Told} told @param {Entry} entry */
function addProgress(told, entry) {
  const { seq } = entry;
  const rows = (member(entry, "tracks", "list") ?? []).map((/** @type {any} */ row) =>
    members(row, { track: "str", n: "int", len: "int", sha256: "str" }, odd(seq)),
  );
  const stretch = told.stretches[told.stretches.length - 1];
  const tracks = rows.map((/** @type {any} */ row) => row.track);
  if (rows.length && !stretch) throw odd(seq);
  if (new Set(tracks).size !== tracks.length) throw odd(seq);
  for (const { track, n, len, sha256 } of rows) {
    if (stretch.tracks !== null && !stretch.tracks.includes(track)) throw odd(seq);
    const key = `${track} ${stretch.number}`;
    const anchors = told.progress.get(key) ?? new Map();
    const before = anchors.get(n) ?? { len, sha256, seq };
    if (before.len !== len || before.sha256 !== sha256) {
      throw new Refusal("Entry {seq} tells another digest of the beginning of {path}.", { seq, path: track });
    }
    told.progress.set(key, anchors.set(n, before));
  }
}

/** @param {Told} told @param {Entry} entry */
function addLoss(told, entry) {
  const track = member(entry, "track", "str");
  const [stretch, first, n] = ["stretch", "first", "n"].map((name) => member(entry, name, "int"));
  if (track === null || stretch === null || first === null || n === null) {
    told.concealedLosses++;
    return;
  }
  if (stretch < 1 || stretch > told.stretches.length || first < 0 || n < 1) throw odd(entry.seq);
  const before = told.losses.get(`${track} ${stretch}`) ?? { first, n: 0 };
  told.losses.set(`${track} ${stretch}`, { first: Math.min(first, before.first), n: before.n + n });
}

/** What the journal anchored of a recording of so many segments, but for what it says was lost. @param {Told} told @param {string} key @param {number} segments */
function stillThere(told, key, segments) {
  const said = told.progress.get(key) ?? new Map();
  const loss = told.losses.get(key);
  if (loss && (segments !== loss.first || Array.from(said.keys()).some((n) => n > loss.first + loss.n))) {
    throw new Refusal("What the journal says was lost of {track} is not what is missing.", { track: key });
  }
  if (!loss && !told.concealedLosses) return said;
  return new Map(Array.from(said).filter(([n]) => n <= segments));
}

// --- the originals -----------------------------------------------------------------------------

/**
 * Every index fits its file, every progress its digest.
 * @param {Bundle} bundle @param {Log} log @param {Told} told
 * @param {(path: string, done: number) => void} report bytes of a recording that were read again
 * @returns {Promise<Rows>}
 */
export async function checkOriginals(bundle, log, told, report) {
  /** @type {Rows} */
  const found = new Map();
  for (const path of bundle.paths) {
    const match = MEDIA.exec(path);
    if (!match || match[3] === "webm") continue;
    const [original, index] = ["pcapng", "index.jsonl"].map((kind) => path.slice(0, -match[3].length) + kind);
    if (!bundle.has(original) || !bundle.has(index)) throw new Refusal("{path} and its index are not both there.", { path: original });
    if (path !== original) continue;
    const key = `${match[1]} ${Number(match[2])}`;
    const rows = await readIndex(bundle, index);
    found.set(key, rows);
    await checkOriginal(bundle, path, rows, stillThere(told, key, rows.length), (done) => report(path, done));
  }
  const declared = keysOf(log);
  for (const key of new Set([...told.progress.keys(), ...told.losses.keys()])) {
    if (found.has(key) || declared.has(key)) continue;
    if (Array.from(stillThere(told, key, 0).keys()).some((n) => n !== 0)) {
      throw new Refusal("The journal tells of more of {path} than there is.", { path: key });
    }
  }
  return found;
}

/** Of the recordings that are withheld. @param {Log} log @returns {Set<string>} */
function keysOf(log) {
  const matches = Array.from(withheld(log, "path"), (path) => MEDIA.exec(path));
  return new Set(matches.filter((match) => match?.[3] === "pcapng").map((match) => `${match?.[1]} ${Number(match?.[2])}`));
}

/** @param {Bundle} bundle @param {string} path */
async function readIndex(bundle, path) {
  /** @type {Row[]} */
  const rows = [];
  let place = 0;
  for (const line of await bundle.lines(path)) {
    const row = members(
      readCanonical(line, malformed(path)),
      { seg: "int", off: "int", len: "int", t0: "str", t1: "str", sha256: "str" },
      malformed(path),
    );
    if (row.seg !== rows.length || row.off !== place || row.len < 0 || row.len > LARGEST_TEXT) {
      throw new Refusal("Segment {segment} of {path} is not where it must be, or too large.", { segment: rows.length, path });
    }
    const span = { since: instant(row.t0, malformed(path)), until: instant(row.t1, malformed(path)), segment: true };
    rows.push({ off: place, len: row.len, span, sha256: row.sha256 });
    place += row.len;
  }
  if (!rows.length) throw malformed(path);
  return rows;
}

/** @param {Bundle} bundle @param {string} path @param {Row[]} rows @param {Map<number, Anchor>} progress @param {(done: number) => void} report */
async function checkOriginal(bundle, path, rows, progress, report) {
  const last = rows[rows.length - 1];
  if (last.off + last.len !== bundle.entry(path).size) {
    throw new Refusal("The segments of {path} do not end where the file ends.", { path });
  }
  const blocks = new Blocks(path);
  for (let segment = 0; segment < rows.length; segment++) {
    const row = rows[segment];
    const data = await bundle.slice(path, row.off, row.len);
    if ((await digestOf(data)) !== row.sha256) {
      throw new Refusal("Segment {segment} of {path} is not that of its index.", { segment, path });
    }
    blocks.check(data, row.span, segment);
    report(row.off + row.len);
  }
  for (const [n, anchor] of progress) {
    if (n < 0 || n > rows.length) throw new Refusal("The journal tells of more of {path} than there is.", { path });
    const length = n === rows.length ? last.off + last.len : rows[n].off;
    const digest = n === 0 ? hex(sha256()) : await bundle.beginning(path, length);
    if (anchor.len !== length || anchor.sha256 !== digest) {
      throw new Refusal("Entry {seq} tells another digest of the beginning of {path}.", { seq: anchor.seq, path });
    }
  }
}

/** Reads one file's blocks (draft-ietf-opsawg-pcapng), segment after segment. */
class Blocks {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.little = true;
    this.first = true;
    /** @type {number[]} */
    this.links = [];
    this.packets = 0;
  }

  refusal() {
    return new Refusal("{path} is not a recording of the form that originals have.", { path: this.path });
  }

  /** Whole blocks with packets inside the span. @param {Uint8Array} data @param {Span} span @param {number} segment */
  check(data, span, segment) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let place = 0; place < data.length; ) {
      if (this.first) this.section(view);
      if (data.length - place < 12) throw this.refusal();
      const [kind, total] = [view.getUint32(place, this.little), view.getUint32(place + 4, this.little)];
      const section = kind === 0x0a0d0d0a;
      if (total < 12 || total % 4 || place + total > data.length || section !== this.first) throw this.refusal();
      if (view.getUint32(place + total - 4, this.little) !== total) throw this.refusal();
      this.first = false;
      const body = new DataView(data.buffer, data.byteOffset + place + 8, total - 12);
      if (kind === 6) {
        const microseconds = this.packet(body);
        if (microseconds < span.since * 1000 || microseconds >= span.until * 1000) {
          throw new Refusal("A packet of {path} lies outside of its segment {segment}.", { path: this.path, segment });
        }
      } else if (kind === 1 && !this.packets) this.interface(body);
      else if (!section) throw this.refusal();
      place += total;
    }
  }

  /** @param {DataView} view */
  section(view) {
    if (view.byteLength < 28 || view.getUint32(0) !== 0x0a0d0d0a) throw this.refusal();
    this.little = view.getUint32(8, true) === 0x1a2b3c4d;
    if (view.getUint32(8, this.little) !== 0x1a2b3c4d) throw this.refusal();
    if (view.getUint16(12, this.little) !== 1 || view.getUint16(14, this.little) !== 0) throw this.refusal();
  }

  /** @param {DataView} body */
  interface(body) {
    if (body.byteLength < 8) throw this.refusal();
    const link = body.getUint16(0, this.little);
    if (link !== 228 && link !== 229) throw this.refusal();
    this.links.push(link);
    let [fine, shifted] = [true, false]; // of an option that stands twice the last one counts
    for (let place = 8; place + 4 <= body.byteLength; ) {
      const [code, length] = [body.getUint16(place, this.little), body.getUint16(place + 2, this.little)];
      if (code === 0) break;
      const value = new Uint8Array(body.buffer, body.byteOffset + place + 4, Math.max(0, Math.min(length, body.byteLength - place - 4)));
      if (code === 9) fine = value.length === 1 && value[0] === 6;
      if (code === 14) shifted = value.some((byte) => byte !== 0);
      place += 4 + length + (-length & 3);
    }
    if (!fine || shifted) throw this.refusal();
  }

  /** The time of a packet in microseconds. @param {DataView} body */
  packet(body) {
    if (body.byteLength < 20) throw this.refusal();
    const [link, high, low, captured, original] = [0, 4, 8, 12, 16].map((place) => body.getUint32(place, this.little));
    if (link >= this.links.length || captured !== original || 20 + captured > body.byteLength) throw this.refusal();
    if (!documented(new DataView(body.buffer, body.byteOffset + 20, captured), this.links[link])) {
      throw new Refusal("A packet of {path} bears an address that is not for documentation.", { path: this.path });
    }
    this.packets++;
    return high * 2 ** 32 + low;
  }
}

/** Between addresses of 192.0.2.0/24 (RFC 5737) or 2001:db8::/32 (RFC 3849). @param {DataView} datagram @param {number} link */
function documented(datagram, link) {
  if (link === 228) {
    if (datagram.byteLength < 20 || datagram.getUint8(0) >> 4 !== 4) return false;
    return [12, 16].every((place) => datagram.getUint32(place) >>> 8 === 0xc00002);
  }
  if (datagram.byteLength < 40 || datagram.getUint8(0) >> 4 !== 6) return false;
  return [8, 24].every((place) => datagram.getUint32(place) === 0x20010db8);
}

// --- the account of time -----------------------------------------------------------------------

/** @typedef {{tracks: number, leftOut: number}} Account */

/** For each track of each stretch, segments and gaps tile it. @param {Log} log @param {Told} told @param {Rows} rows @returns {Account} */
export function checkTime(log, told, rows) {
  const gaps = gapsByTrack(told);
  /** @type {Map<string, Stretch>} */
  const known = new Map();
  for (const stretch of told.stretches) for (const track of stretch.tracks ?? []) known.set(`${track} ${stretch.number}`, stretch);
  const declared = keysOf(log);
  const concealed = new Set(told.stretches.filter((stretch) => stretch.tracks === null).map((stretch) => String(stretch.number)));
  for (const key of [...rows.keys(), ...gaps.keys()]) {
    if (!known.has(key) && !declared.has(key) && !concealed.has(key.slice(key.lastIndexOf(" ") + 1))) {
      throw new Refusal("{track} was never on the record.", { track: key });
    }
  }
  let [holes, leftOut] = [0, 0];
  for (const [key, stretch] of known) {
    if (declared.has(key)) {
      leftOut++;
      continue;
    }
    const spans = [...(rows.get(key) ?? []).map((row) => row.span), ...(gaps.get(key) ?? [])];
    let tiles = tile(spans, stretch);
    if (!tiles && told.concealedGaps) {
      const missing = holesIn(spans, stretch);
      holes += missing.length;
      tiles = tile([...spans, ...missing], stretch);
    }
    if (!tiles || holes > told.concealedGaps) throw new Refusal("The time of {track} is not accounted for.", { track: key });
  }
  return { tracks: known.size - leftOut, leftOut };
}

/** @param {Told} told */
function gapsByTrack(told) {
  /** @type {Map<string, Span[]>} */
  const gaps = new Map();
  for (const { track, span } of told.gaps) {
    const stretch = told.stretches.find((one) => one.since <= span.since && span.since < one.until);
    if (!stretch) throw new Refusal("A gap of {track} lies outside of the time on the record.", { track });
    const key = `${track} ${stretch.number}`;
    if (!gaps.has(key)) gaps.set(key, []);
    gaps.get(key)?.push(span);
  }
  return gaps;
}

/** @param {Span[]} spans */
function inOrderOfTime(spans) {
  return [...spans].sort((one, other) => one.since - other.since || one.until - other.until || Number(one.segment) - Number(other.segment));
}

/** Whether these spans tile the stretch. @param {Span[]} spans @param {Stretch} stretch */
function tile(spans, stretch) {
  let place = stretch.since;
  const ordered = inOrderOfTime(spans);
  for (const [number, span] of ordered.entries()) {
    const length = span.until - span.since;
    if (span.since !== place || length <= 0 || (span.segment && length > SEGMENT)) return false;
    if (span.segment && length < SEGMENT && ordered[number + 1]?.segment) return false;
    place = span.until;
  }
  return place === stretch.until;
}

/** @param {Span[]} spans @param {Stretch} stretch @returns {Span[]} */
function holesIn(spans, stretch) {
  const edges = [{ since: stretch.since, until: stretch.since }, ...inOrderOfTime(spans), { since: stretch.until, until: stretch.until }];
  return edges.slice(1).flatMap((next, place) => {
    const hole = { since: edges[place].until, until: next.since, segment: false };
    return hole.since < hole.until ? [hole] : [];
  });
}
