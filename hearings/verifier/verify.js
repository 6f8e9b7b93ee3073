/**
 * The checks in their order, as `vivavoce verify` has them. What a browser does without libraries is done here; the
 * rest (seals, timestamps, certificates, PDF) is left to the command, and said to be.
 */
import { Refusal, Skipped, malformed, said } from "./bytes.js";
import { readEntries } from "./entries.js";
import { grow, readHead, readLog, readTrust, withheld } from "./log.js";
import { checkBag, checkManifest } from "./manifest.js";
import { checkFiles, checkOriginals, checkTime, recordingOf, sealedPaths } from "./media.js";
import { Bundle } from "./zip.js";

/** @typedef {import("./bytes.js").Said} Said */
/** `part`: something of it is left to the command. @typedef {"ok" | "part" | "refused" | "skipped" | "not run" | "left"} Outcome */
/** @typedef {{name: string, outcome: Outcome, said: Said}} Check */
/** What the record says of itself. @typedef {{hearing: string, from: number, to: number, entries: number, redacted: boolean, withheld: number, vkey: string, lost: number}} Facts */
/** @typedef {{accepted: boolean, listed: boolean, facts: Facts | null}} Verdict */
/** @typedef {{record: Blob, trust: Blob | null, head: Blob | null, now: number, kinds: import("./entries.js").Kinds}} Question */
/** @typedef {{check: (check: Check) => void, progress: (done: number, whole: number) => void}} Listener */

const TOLERANCE = 300_000;

class Checks {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    this.refused = false;
  }

  /**
   * What the work gives; null if it did not pass, or a need is null.
   * @template T
   * @param {string} name
   * @param {unknown[]} needs
   * @param {() => Promise<[T, Said] | [T, Said, Outcome]>} work
   * @returns {Promise<T | null>}
   */
  async run(name, needs, work) {
    if (needs.includes(null)) {
      this.listener.check({ name, outcome: "not run", said: said("A check that this one needs did not pass.") });
      return null;
    }
    try {
      const [value, sentence, outcome] = await work();
      this.listener.check({ name, outcome: outcome ?? "ok", said: sentence });
      return value;
    } catch (error) {
      const skipped = error instanceof Skipped;
      this.refused ||= !skipped;
      const sentence = error instanceof Refusal || skipped ? error.said : said("This cannot be read ({error}).", { error: String(error) });
      this.listener.check({ name, outcome: skipped ? "skipped" : "refused", said: sentence });
      return null;
    }
  }
}

/** @param {Question} question @param {Listener} listener @returns {Promise<Verdict>} */
export async function verify(question, listener) {
  const checks = new Checks(listener);
  const { record } = question;
  const whole = 2 * record.size;
  const trust = await checks.run("trust", [], () => checkTrust(question.trust));
  const kept = await checks.run("head", [], () => checkHead(question.head));
  const readable = (question.trust === null || trust) && (question.head === null || kept) ? true : null;
  const bundle = await checks.run("zip", [], async () => {
    const opened = await Bundle.open(record, (done) => listener.progress(done, whole));
    return [opened, said("{files} files in the canonical form, and nothing between them.", { files: opened.entries.length })];
  });
  const there = /** @type {Bundle} */ (bundle);
  const container = await checks.run("container", [bundle], async () => {
    await checkManifest(there);
    return [true, said("The manifest lists every file with its digest. Its signature is left to vivavoce verify."), "part"];
  });
  await checks.run("bag", [bundle], async () => {
    const files = await checkBag(there);
    return [true, said("The bag lists its {files} files, each with the right digest.", { files })];
  });
  const log = await checks.run("log", [bundle, readable], async () => {
    const read = await readLog(there, trust);
    const values = { size: read.head.size, earlier: read.earlier.length, cosigned: read.cosigned.length };
    return [read, said("The head over {size} entries and {earlier} earlier ones are signed by the log key, with {cosigned} cosignatures. The court's seal on that key is left to vivavoce verify.", values), "part"];
  });
  const theLog = /** @type {import("./log.js").Log} */ (log);
  const heads = [...(trust?.heads ?? []).filter((head) => head.origin === log?.head.origin), ...(kept ? [kept] : [])];
  const leaves = await checks.run("tree", [bundle, log, readable], async () => {
    const grown = await grow(there, theLog, heads);
    const values = { size: grown.length, heads: theLog.earlier.length + heads.length };
    return [grown, said("{size} entries make the root that was signed; {heads} other heads are prefixes of it.", values)];
  });
  const entries = await checks.run("entries", [bundle, log, leaves], async () => {
    const read = await readEntries(there, theLog, leaves ?? [], question.kinds);
    const unknown = new Set(read.filter(({ kind }) => !Object.hasOwn(question.kinds, kind)).map(({ kind }) => kind)).size;
    const values = { entries: read.length, concealed: read.filter((entry) => entry.concealed).length, unknown };
    return [read, said("{entries} entries are of their form and in their order, {concealed} with concealed parts as declared; {unknown} types are not known here.", values)];
  });
  const course = entries ?? [];
  await checks.run("seals", [bundle, log, readable, container, entries], async () => {
    checkListed(theLog, trust, course[course.length - 1].time, question.now);
    return [true, said("Left to vivavoce verify: the court's seals, certificates and timestamps."), "left"];
  });
  const recording = await checks.run("files", [bundle, log, entries], async () => {
    const sealed = sealedPaths(course);
    checkFiles(there, theLog, sealed);
    const told = recordingOf(course);
    const rows = await checkOriginals(there, theLog, told, (path, done) => listener.progress(record.size + there.entry(path).offset + done, whole));
    const segments = Array.from(rows.values()).reduce((sum, one) => sum + one.length, 0);
    const values = { files: sealed.size, withheld: withheld(theLog, "path").size, segments };
    return [{ told, rows }, said("{files} files are sealed by entries, {withheld} of them withheld; {segments} segments of recordings match.", values)];
  });
  await checks.run("time", [log, recording], async () => {
    const { told, rows } = /** @type {NonNullable<typeof recording>} */ (recording);
    if (!told.stretches.length) throw new Skipped("Nothing was on the record.");
    const account = checkTime(theLog, told, rows);
    const seconds = (told.stretches.reduce((sum, one) => sum + one.until - one.since, 0) / 1000).toFixed(3);
    const values = { seconds, stretches: told.stretches.length, tracks: account.tracks, withheld: account.leftOut };
    return [true, said("{seconds} s on the record in {stretches} stretches; every millisecond of {tracks} tracks is accounted for, {withheld} are withheld.", values)];
  });
  await checks.run("minutes", [bundle, readable, recording], async () => {
    if (!there.paths.some((path) => path.startsWith("data/minutes/"))) throw new Skipped("The record holds no minutes.");
    return [true, said("Left to vivavoce verify: the seals in the PDF files of the minutes."), "left"];
  });
  await checks.run("copies", [bundle, log, readable, entries, recording], async () => [
    true,
    said("Left to vivavoce verify --copies: making the copies for playing again."),
    "left",
  ]);
  listener.progress(whole, whole);
  const complete = !checks.refused && entries !== null && recording !== null;
  return {
    accepted: complete,
    listed: complete && trust !== null && trust.logKeys.length > 0,
    facts: log && entries ? factsOf(theLog, course) : null,
  };
}

/** @param {Blob | null} file @returns {Promise<[import("./log.js").Trust, Said, Outcome]>} */
async function checkTrust(file) {
  if (file === null) throw new Skipped("No trust file was given.");
  const trust = readTrust(await bytesOf(file, "trust.json"));
  const values = { courts: trust.courts, keys: trust.logKeys.length };
  return [trust, said("The trust file lists {courts} certificates and {keys} log keys. Its certificates are left to vivavoce verify.", values), "part"];
}

/** @param {Blob | null} file @returns {Promise<[import("./log.js").Head, Said]>} */
async function checkHead(file) {
  if (file === null) throw new Skipped("No kept head was given.");
  const head = readHead(await bytesOf(file, "checkpoint.txt"), "checkpoint.txt");
  return [head, said("The kept head is over {size} entries.", { size: head.size })];
}

/** @param {Blob} file @param {string} name */
async function bytesOf(file, name) {
  if (file.size > 16 * 1024 * 1024) throw malformed(name);
  return new Uint8Array(await file.arrayBuffer());
}

/** What needs no certificate of the check of seals. @param {import("./log.js").Log} log @param {import("./log.js").Trust | null} trust @param {number} last @param {number} now */
function checkListed(log, trust, last, now) {
  if (trust?.logKeys.length && !trust.logKeys.includes(log.key.vkey)) {
    throw new Refusal("The trust file lists log keys, and this journal's is not among them.");
  }
  for (const { at } of log.cosigned) {
    if (at < last - TOLERANCE || at > now + TOLERANCE) throw new Refusal("A cosignature is older than the last entry, or lies in the future.");
  }
}

/** @param {import("./log.js").Log} log @param {import("./entry.js").Entry[]} entries @returns {Facts} */
function factsOf(log, entries) {
  return {
    hearing: log.record.hearing,
    from: entries[0].time,
    to: entries[entries.length - 1].time,
    entries: entries.length,
    redacted: log.record.kind === "redacted",
    withheld: log.record.withheld.length,
    vkey: log.key.vkey,
    lost: entries.filter(({ kind }) => kind === "media.lost").length,
  };
}

// --- as a worker -------------------------------------------------------------------------------

/** Answers one question from the page that made this worker. */
export function serve() {
  const worker = /** @type {{postMessage: (message: unknown) => void, onmessage: ((event: MessageEvent) => void) | null}} */ (
    /** @type {unknown} */ (globalThis)
  );
  let told = 0;
  worker.onmessage = async ({ data }) => {
    const verdict = await verify(data, {
      check: (check) => worker.postMessage({ check }),
      progress: (done, whole) => {
        if (Date.now() - told < 100 && done < whole) return;
        told = Date.now();
        worker.postMessage({ done, whole });
      },
    });
    worker.postMessage({ verdict });
  };
  worker.postMessage({ ready: true });
}
