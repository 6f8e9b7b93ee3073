/** The package as a canonical ZIP with a closed layout: every header is made again and compared. Recordings are never held whole. */
import { Refusal, ascii, hex, joined, malformed, same } from "./bytes.js";
import { Sha256, crc32, sha256 } from "./digests.js";

export const MANIFEST = "META-INF/ASiCManifest001.xml";
export const SIGNATURE = "META-INF/signature001.p7s";
export const LARGEST_TEXT = 64 * 1024 * 1024;
export const LONGEST_LINE = 1024 * 1024;
export const MEDIA = /^data\/media\/([a-z2-7]{8}-[a-z]+)-([1-9][0-9]{0,8})\.(pcapng|index\.jsonl|webm)$/;

const MOST_ENTRIES = 100_000;
const LONGEST_NAME = 255;
const CHUNK = 4 * 1024 * 1024;
const AHEAD = 1024 * 1024;
const SHORT = 0xffff;
const LONG = 0xffffffff;
const MIMETYPE = "application/vnd.etsi.asic-e+zip";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const REQUIRED = [
  "bag-info.txt",
  "bagit.txt",
  "data/README.txt",
  "data/journal/checkpoint.court.p7s",
  "data/journal/checkpoint.txt",
  "data/journal/disclosures.jsonl",
  "data/journal/leaves.jsonl",
  "data/record.json",
  "data/trust/certs/root.pem",
  "data/trust/log-key.court.p7s",
  "data/trust/log-key.json",
  "manifest-sha256.txt",
  "tagmanifest-sha256.txt",
];
const STEP = "[A-Za-z0-9][A-Za-z0-9._-]*";
const LAYOUT = [
  MEDIA,
  new RegExp(`^data/minutes/(requested\\.pdf|requesting\\.pdf|${STEP}\\.public\\.pdf)$`),
  /^data\/media\/[a-z2-7]{8}-[1-9][0-9]{0,8}\.webm$/,
  /^data\/(verify\.html|journal\/checkpoint\.tst|trust\/policy\.txt)$/,
  /^data\/journal\/checkpoints\/(0|[1-9][0-9]{0,8})\.txt$/,
  new RegExp(`^data/trust/(certs/${STEP}\\.pem|crl/${STEP}\\.crl)$`),
];

/** `offset`: where its local header begins. @typedef {{name: string, size: number, crc: number, offset: number}} Entry */

// --- canonical ZIP (APPNOTE.TXT 6.3, 4.3 and 4.5.3) --------------------------------------------

/** @param {[number, number][]} fields value and width in bytes, little endian */
function packed(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((length, [, width]) => length + width, 0)));
  let place = 0;
  for (const [value, width] of fields) {
    if (width === 2) view.setUint16(place, value, true);
    else if (width === 4) view.setUint32(place, value, true);
    else view.setBigUint64(place, BigInt(value), true);
    place += width;
  }
  return new Uint8Array(view.buffer);
}

/** @param {number[]} values */
function field64(values) {
  if (!values.length) return new Uint8Array();
  return packed([[1, 2], [8 * values.length, 2], ...values.map((value) => /** @type {[number, number]} */ ([value, 8]))]);
}

/** @param {Entry} entry */
function centralField(entry) {
  const sizes = entry.size >= LONG ? [entry.size, entry.size] : [];
  return field64(entry.offset >= LONG ? [...sizes, entry.offset] : sizes);
}

/** From the version needed to the lengths of name and field. @param {Entry} entry @param {number} field @returns {[number, number][]} */
function common(entry, field) {
  const size = Math.min(entry.size, LONG);
  const version = centralField(entry).length ? 45 : 20;
  return [[version, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], [entry.crc, 4], [size, 4], [size, 4], [entry.name.length, 2], [field, 2]];
}

/** @param {Entry} entry */
export function localHeader(entry) {
  const field = entry.size >= LONG ? field64([entry.size, entry.size]) : new Uint8Array();
  return joined(packed([[0x04034b50, 4], ...common(entry, field.length)]), ascii(entry.name), field);
}

/** @param {Entry} entry */
function centralHeader(entry) {
  const field = centralField(entry);
  const version = field.length ? 45 : 20;
  const behind = packed([[0, 2], [0, 2], [0, 2], [0, 4], [Math.min(entry.offset, LONG), 4]]);
  return joined(packed([[0x02014b50, 4], [version, 2], ...common(entry, field.length)]), behind, ascii(entry.name), field);
}

/** Everything behind the last file. @param {Entry[]} entries @param {number} start */
export function directory(entries, start) {
  const headers = joined(...entries.map(centralHeader));
  const [count, size] = [entries.length, headers.length];
  const few = Math.min(count, SHORT);
  const end = packed([[0x06054b50, 4], [0, 2], [0, 2], [few, 2], [few, 2], [Math.min(size, LONG), 4], [Math.min(start, LONG), 4], [0, 2]]);
  if (count < SHORT && size < LONG && start < LONG) return joined(headers, end);
  const end64 = packed([[0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [start, 8]]);
  return joined(headers, end64, packed([[0x07064b50, 4], [0, 4], [start + size, 8], [1, 4]]), end);
}

/** A file that is read ahead, for what is small mostly stands beside each other. */
class Source {
  /** @param {Blob} file */
  constructor(file) {
    this.file = file;
    this.size = file.size;
    this.from = 0;
    this.held = new Uint8Array();
  }

  /** As many bytes as there are. @param {number} offset @param {number} length */
  async read(offset, length) {
    const end = Math.min(offset + length, this.size);
    if (end - offset > AHEAD) return new Uint8Array(await this.file.slice(offset, end).arrayBuffer());
    if (offset < this.from || end > this.from + this.held.length) {
      this.held = new Uint8Array(await this.file.slice(offset, offset + AHEAD).arrayBuffer());
      this.from = offset;
    }
    return this.held.subarray(offset - this.from, end - this.from);
  }
}

/** @param {Uint8Array} tail */
function endOf(tail) {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const at = tail.length - 22;
  if (at < 0 || view.getUint32(at, true) !== 0x06054b50) {
    throw new Refusal("This is not a package: it does not end as a ZIP without comment does.");
  }
  const [count, size, start] = [view.getUint16(at + 10, true), view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  if (count < SHORT && size < LONG && start < LONG) return { count, size, start };
  if (tail.length < 98 || view.getUint32(0, true) !== 0x06064b50) throw noncanonical();
  const wide = [32, 40, 48].map((place) => Number(view.getBigUint64(place, true)));
  return { count: wide[0], size: wide[1], start: wide[2] };
}

function noncanonical() {
  return new Refusal("The package's table of contents is not in the canonical form.");
}

/** The files of a canonical ZIP; their bytes are not read yet. @param {Source} file @returns {Promise<Entry[]>} */
async function entriesOf(file) {
  const { count, size, start } = endOf(await file.read(Math.max(0, file.size - 98), 98));
  if (count > MOST_ENTRIES || size > count * (46 + LONGEST_NAME + 28) || start + size > file.size || file.size - start > size + 98) {
    throw noncanonical();
  }
  const behind = await file.read(start, file.size - start);
  const entries = centralEntries(behind.subarray(0, size), count);
  if (!same(directory(entries, start), behind)) throw noncanonical();
  let place = 0;
  for (const entry of entries) {
    const header = localHeader(entry);
    if (entry.offset !== place || !same(await file.read(place, header.length), header)) {
      throw new Refusal("The header of {name} is not in the canonical form.", { name: entry.name });
    }
    place += header.length + entry.size;
  }
  if (place !== start) throw new Refusal("There are bytes in the package that belong to no file.");
  return entries;
}

/** @param {Uint8Array} data @param {number} count */
function centralEntries(data, count) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const entries = [];
  let place = 0;
  for (let number = 0; number < count; number++) {
    if (place + 46 > data.length) throw noncanonical();
    const [named, extended] = [view.getUint16(place + 28, true), view.getUint16(place + 30, true)];
    const end = place + 46 + named + extended;
    if (end > data.length) throw noncanonical();
    const name = data.subarray(place + 46, place + 46 + named);
    if (name.some((byte) => byte > 127)) throw noncanonical();
    const values = [];
    for (let at = place + 46 + named + 4; at + 8 <= end; at += 8) values.push(Number(view.getBigUint64(at, true)));
    let [size, offset] = [view.getUint32(place + 24, true), view.getUint32(place + 42, true)];
    if (size === LONG && values.length >= 2) size = values.splice(0, 2)[0];
    if (offset === LONG && values.length) offset = values[0];
    entries.push({ name: String.fromCharCode(...name), size, crc: view.getUint32(place + 16, true), offset });
    place = end;
  }
  return entries;
}

/** The hearing's UUID, if these names in this order are a package. @param {string[]} names */
function checkLayout(names) {
  const bag = names.slice(1, -2);
  const hearing = (names[1] ?? "").split("/")[0] ?? "";
  const around = [names[0], ...names.slice(-2)].join();
  if (names.length < 4 || around !== `mimetype,${MANIFEST},${SIGNATURE}` || !UUID.test(hearing)) {
    throw new Refusal("The package does not begin and end as it must.");
  }
  const paths = bag.map((name) => (name.startsWith(`${hearing}/`) ? name.slice(hearing.length + 1) : ""));
  const low = new Set(paths.map((path) => path.toLowerCase()));
  if (bag.some((name, place) => place > 0 && bag[place - 1] >= name) || low.size !== paths.length) {
    throw new Refusal("The files of the package are not in their order, or two have nearly the same name.");
  }
  paths.forEach((path, place) => {
    const known = REQUIRED.includes(path) || LAYOUT.some((form) => form.test(path));
    if (!known || bag[place].length > LONGEST_NAME) {
      throw new Refusal("The layout has no place for {name}.", { name: bag[place] });
    }
  });
  const there = new Set(paths);
  const missing = REQUIRED.find((path) => !there.has(path));
  if (missing) throw new Refusal("{name} is missing.", { name: missing });
  return hearing;
}

// --- the package as read -----------------------------------------------------------------------

/** An open package in canonical form: its hearing, and its files by their path in the bag. */
export class Bundle {
  /** @param {Source} file @param {string} hearing @param {Entry[]} entries */
  constructor(file, hearing, entries) {
    this.file = file;
    this.hearing = hearing;
    this.entries = entries;
    this.files = new Map(entries.map((entry) => [entry.name, entry]));
    /** SHA-256 in hex, by full name. @type {Map<string, string>} */
    this.digests = new Map();
    /** Of recordings: SHA-256 of their beginnings, by `path length`. @type {Map<string, string>} */
    this.beginnings = new Map();
    this.paths = entries.slice(1, -2).map((entry) => entry.name.slice(hearing.length + 1));
  }

  /**
   * Reads everything once.
   * @param {Blob} blob
   * @param {(done: number) => void} report bytes that were read so far
   */
  static async open(blob, report) {
    const file = new Source(blob);
    const entries = await entriesOf(file);
    const bundle = new Bundle(file, checkLayout(entries.map((entry) => entry.name)), entries);
    for (const { name, size } of entries) {
      const limit = /\.(pcapng|webm)$/.test(name) ? Infinity : /\.(p7s|tst)$/.test(name) ? LONGEST_LINE : LARGEST_TEXT;
      if (size > limit) throw new Refusal("{name} is larger than the format allows.", { name });
    }
    for (const entry of entries) {
      const borders = MEDIA.exec(entry.name.slice(bundle.hearing.length + 1))?.[3] === "pcapng" ? await bundle.borders(entry.name) : [];
      await bundle.digest(entry, borders, report);
    }
    if (!same(await bundle.whole("mimetype"), ascii(MIMETYPE))) throw malformed("mimetype");
    return bundle;
  }

  /** Where the index says that segments end: a guess that saves a second reading, and is believed in nothing. @param {string} name */
  async borders(name) {
    const index = name.replace(/pcapng$/, "index.jsonl");
    if (!this.files.has(index)) return [];
    let place = 0;
    const text = new TextDecoder().decode(await this.whole(index));
    return Array.from(text.matchAll(/"len":([0-9]{1,9})/g), (found) => (place += Number(found[1])));
  }

  /** @param {Entry} entry @param {number[]} borders @param {(done: number) => void} report */
  async digest(entry, borders, report) {
    const digest = new Sha256();
    const start = this.start(entry);
    let crc = 0;
    let next = 0;
    for (let place = 0; place < entry.size; ) {
      const chunk = await this.file.read(start + place, Math.min(CHUNK, entry.size - place));
      if (!chunk.length) break;
      crc = crc32(chunk, crc);
      let at = 0;
      for (; next < borders.length && borders[next] <= place + chunk.length; next++) {
        digest.update(chunk.subarray(at, borders[next] - place));
        at = borders[next] - place;
        this.beginnings.set(`${entry.name} ${borders[next]}`, digest.hex());
      }
      digest.update(chunk.subarray(at));
      place += chunk.length;
      report(start + place);
    }
    if (crc !== entry.crc) throw new Refusal("{name} was altered: its checksum is not that of its bytes.", { name: entry.name });
    this.digests.set(entry.name, digest.hex());
  }

  /** @param {Entry} entry */
  start(entry) {
    return entry.offset + localHeader(entry).length;
  }

  /** @param {string} path */
  has(path) {
    return this.files.has(`${this.hearing}/${path}`);
  }

  /** @param {string} path @returns {Entry} */
  entry(path) {
    return /** @type {Entry} */ (this.files.get(`${this.hearing}/${path}`));
  }

  /** @param {string} path */
  sha256(path) {
    return this.digests.get(`${this.hearing}/${path}`);
  }

  /** SHA-256 of the first bytes of a recording. @param {string} path @param {number} length */
  async beginning(path, length) {
    const known = this.beginnings.get(`${this.hearing}/${path} ${length}`);
    if (known) return known;
    const digest = new Sha256();
    for (let place = 0; place < length; place += CHUNK) {
      digest.update(await this.slice(path, place, Math.min(CHUNK, length - place)));
    }
    return digest.hex();
  }

  /** @param {string} name */
  async whole(name) {
    const entry = /** @type {Entry} */ (this.files.get(name));
    return this.file.read(this.start(entry), entry.size);
  }

  /** A file of the bag that is no recording, whole. @param {string} path */
  async read(path) {
    return this.whole(`${this.hearing}/${path}`);
  }

  /** @param {string} path @param {number} offset @param {number} length */
  async slice(path, offset, length) {
    const entry = this.entry(path);
    return this.file.read(this.start(entry) + offset, Math.max(0, Math.min(length, entry.size - offset)));
  }

  /** The lines of a record file, each ended by LF, none empty, without a CR. @param {string} path */
  async lines(path) {
    const data = await this.read(path);
    const lines = [];
    for (let from = 0; from < data.length; ) {
      const end = data.indexOf(10, from);
      if (end <= from || end - from > LONGEST_LINE) throw malformed(path);
      lines.push(data.subarray(from, end));
      from = end + 1;
    }
    if (data.includes(13)) throw malformed(path);
    return lines;
  }

  /** The one line of a file. @param {string} path */
  async line(path) {
    const lines = await this.lines(path);
    if (lines.length !== 1) throw malformed(path);
    return lines[0];
  }
}

/** By the browser's own code where it has it, which is faster. @param {Uint8Array<ArrayBuffer>} bytes */
export async function digestOf(bytes) {
  const own = globalThis.crypto?.subtle;
  return hex(own ? new Uint8Array(await own.digest("SHA-256", bytes)) : sha256(bytes));
}
