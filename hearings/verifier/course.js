/** What may follow on what: the rules of the journal's course (FORMAT.md, part 3). What is concealed counts as whatever it would have to be. */
import { Refusal, fromBase64url, hex, utf8 } from "./bytes.js";
import { p256Holds } from "./curves.js";
import { sha256 } from "./digests.js";
import { member, odd } from "./entry.js";
import { canonicalBytes, instant, texts, written } from "./json.js";

/** @typedef {import("./entry.js").Entry} Entry */

/** @param {Entry[]} entries @param {string} hearing its URN */
export function checkCourse(entries, hearing) {
  checkSittings(entries);
  checkConsultations(entries);
  checkChoices(entries);
  checkPlan(entries);
  checkTests(entries);
  checkAnswers(entries);
  checkInterventions(entries);
  checkIdentities(entries);
  checkDeclarations(entries, hearing);
  checkCosigners(entries);
  checkProtections(entries);
  checkMinutes(entries);
  checkSendings(entries);
}

/** @type {Record<string, string[]>} */
const HANDED = {
  "custody.sent": ["submitted", "delivered", "retrieved", "withdrawn"],
  "custody.offered": ["withdrawn"],
};

/** What is closed is handed over, and what is said of a sending is said of one that there was: each receipt once, and only of what was sent. @param {Entry[]} entries */
function checkSendings(entries) {
  let [closed, concealed] = [false, false];
  /** @type {Map<string, Set<string>>} */
  const left = new Map();
  for (const entry of entries) {
    closed ||= entry.kind === "hearing.closed";
    const what = entry.kind.replace(/^custody\./, "");
    const handed = HANDED[entry.kind];
    if (!handed && !HANDED["custody.sent"].includes(what)) continue;
    const sending = member(entry, "sending", "str");
    const known = sending === null ? undefined : left.get(sending);
    let fault = !closed;
    if (handed) {
      fault ||= known !== undefined;
      concealed ||= sending === null;
      if (sending !== null) left.set(sending, new Set(handed));
    } else if (known === undefined) {
      fault ||= !(concealed || (sending === null && left.size > 0));
    } else if (what !== "retrieved" || "receipt" in entry.disclosed) {
      fault ||= !known.delete(what);
    }
    if (fault) throw misplaced(entry);
  }
}

/** @type {Record<string, string[]>} */
const PROTECTS = { identity: ["whom"], recording: ["track", "stretch"], member: ["entry"] };

/** An order says what it protects, of what was there before; it is lifted once, and so is a protection that nobody ordered. @param {Entry[]} entries */
function checkProtections(entries) {
  /** @type {[Set<string | null>, Set<number>]} */
  const [people, standing] = [new Set(), new Set()];
  for (const entry of entries) {
    const { seq, kind, concealed, disclosed } = entry;
    if (kind === "participant.named") people.add(entry.participant);
    if (kind !== "protection.ordered" && kind !== "protection.lifted") continue;
    const whom = member(entry, "whom", "str");
    let fault = whom !== null && !people.has(whom);
    if (kind === "protection.ordered") {
      const needed = PROTECTS[member(entry, "protects", "str") ?? ""] ?? [];
      const before = member(entry, "entry", "int");
      fault ||= !concealed && !needed.some((name) => name in disclosed);
      fault ||= before !== null && !(before >= 0 && before < seq);
      standing.add(seq);
    } else {
      const order = member(entry, "order", "int");
      fault ||= !concealed && (order === null) === (whom === null);
      fault ||= order !== null && !standing.delete(order);
    }
    if (fault) throw misplaced(entry);
  }
}

/** Of each cosigner that it does not sign, then that it does again, with the same beginning; where one conceals of which, only that no time lies ahead. @param {Entry[]} entries */
function checkCosigners(entries) {
  const told = entries.filter(({ kind }) => kind === "cosigner.unavailable" || kind === "cosigner.returned");
  const hidden = told.some((entry) => member(entry, "cosigner", "str") === null);
  const away = new Map();
  for (const entry of told) {
    const [cosigner, since] = [member(entry, "cosigner", "str"), member(entry, "since", "str")];
    const begins = entry.kind === "cosigner.unavailable";
    const before = away.get(cosigner);
    const fits = begins ? !away.has(cosigner) : away.has(cosigner) && (since === null || before === null || before === since);
    if ((since !== null && instant(since, odd(entry.seq)) > entry.time) || !(hidden || fits)) throw misplaced(entry);
    if (begins) away.set(cosigner, since);
    else away.delete(cosigner);
  }
}

const DOCUMENTS = new Map([
  ["data/minutes/requested.pdf", "requested"],
  ["data/minutes/requesting.pdf", "requesting"],
]);
const OF_MINUTES = new Set(["minutes.worded", "minutes.read", "minutes.omitted", "minutes.signed"]);

/** A document is sealed as it was signed, and nothing in it is changed afterwards; null is what is concealed, and may be of either. @param {Entry[]} entries */
function checkMinutes(entries) {
  /** @type {[Set<string | null>, Set<string>]} */
  const [signed, sealed] = [new Set(), new Set()];
  for (const entry of entries) {
    if (OF_MINUTES.has(entry.kind)) {
      const whose = member(entry, "whose", "str");
      if (whose !== null && sealed.has(whose)) throw misplaced(entry);
      if (entry.kind === "minutes.signed") signed.add(whose);
      if (entry.kind === "minutes.worded") signed.delete(whose);
    } else if (entry.kind === "minutes.sealed") {
      const of = DOCUMENTS.get(member(entry, "path", "str") ?? "");
      if (of === undefined) continue;
      if (!signed.has(of) && !signed.has(null)) throw misplaced(entry);
      sealed.add(of);
    }
  }
}

/** @param {Entry} entry */
function misplaced({ seq, kind }) {
  return new Refusal("Entry {seq} ({type}) cannot stand where it stands.", { seq, type: kind });
}

/** Sittings and stretches on the record alternate, the second within the first; none is left open. @param {Entry[]} entries */
function checkSittings(entries) {
  let [sitting, onRecord, stretches] = ["closed", false, 0];
  for (const entry of entries) {
    const numbered = () => [null, stretches].includes(member(entry, "stretch", "int"));
    let fault = false;
    if (entry.kind === "sitting.opened") {
      fault = sitting === "open";
      sitting = "open";
    } else if (entry.kind === "sitting.ended") {
      fault = sitting === "closed" || onRecord;
      sitting = "closed";
    } else if (entry.kind === "hearing.adjourned") {
      fault = onRecord;
      if (sitting === "open") sitting = "adjourned";
    } else if (entry.kind === "record.on") {
      stretches++;
      fault = onRecord || sitting !== "open" || !numbered();
      onRecord = true;
    } else if (entry.kind === "record.off") {
      fault = !onRecord || !numbered();
      onRecord = false;
    }
    if (fault) throw misplaced(entry);
  }
  if (sitting === "open" || onRecord) throw new Refusal("The record ends while a sitting is open.");
}

/** @param {Entry[]} entries */
function checkConsultations(entries) {
  let [secret, onRecord] = [false, false];
  for (const entry of entries) {
    let fault = false;
    if (entry.kind === "record.on") {
      fault = secret;
      onRecord = true;
    } else if (entry.kind === "record.off") onRecord = false;
    else if (entry.kind === "consultation.begun") {
      fault = secret || onRecord;
      secret = true;
    } else if (entry.kind === "consultation.ended") {
      fault = !secret;
      secret = false;
    } else if (entry.kind === "sitting.ended") fault = secret;
    if (fault) throw misplaced(entry);
  }
}

/** @param {Entry[]} entries */
function checkChoices(entries) {
  const opened = entries.findIndex((entry) => entry.kind === "sitting.opened");
  const late = entries.find((entry, place) => entry.kind === "instrument.chosen" && opened >= 0 && place > opened);
  if (late) throw misplaced(late);
}

const OF_A_TIME = ["hearing.moved", "hearing.rezoned", "hearing.split", "hearing.delayed", "turn.set", "hearing.postponed"];
const ALONE = ["hearing.cancelled", "hearing.postponed", "hearing.adjourned"];

/** @param {Entry[]} entries */
function checkPlan(entries) {
  let fixed = false;
  /** @type {Set<number>} */
  const waiting = new Set();
  for (const entry of entries) {
    let fault = OF_A_TIME.includes(entry.kind) && !fixed;
    if (entry.kind === "hearing.scheduled") fixed = true;
    else if (entry.kind === "hearing.postponed" || entry.kind === "hearing.cancelled") fixed = false;
    else if (entry.kind === "change.confirmed") {
      const change = member(entry, "change", "int");
      fault = change === null ? !waiting.size : !waiting.delete(change);
    }
    if (ALONE.includes(entry.kind)) waiting.add(entry.seq);
    if (fault) throw misplaced(entry);
  }
}

/** @param {Entry[]} entries */
function checkTests(entries) {
  /** @type {Set<string | null>} */
  const standing = new Set();
  for (const entry of entries.filter(({ kind }) => kind.startsWith("test."))) {
    const test = member(entry, "test", "str");
    if (entry.kind === "test.arranged") standing.add(test);
    else if (!(test === null ? standing.size : standing.has(test) || standing.has(null))) throw misplaced(entry);
    else if (entry.kind !== "test.moved" && test !== null) standing.delete(test);
  }
}

const ANSWERS = /** @type {Record<string, [string, string]>} */ ({
  "intervention.settled": ["intervention.made", "intervention"],
  "privilege.ruled": ["privilege.claimed", "claim"],
  "objection.decided": ["objection.raised", "objection"],
});

/** Whatever is answered was raised before, and answered once, until the file is closed. @param {Entry[]} entries */
function checkAnswers(entries) {
  const raising = Object.values(ANSWERS).map(([kind]) => kind);
  const answerable = new Map(raising.map((kind) => [kind, /** @type {Set<number>} */ (new Set())]));
  const silent = new Map(raising.map((kind) => [kind, /** @type {Set<number>} */ (new Set())]));
  for (const entry of entries) {
    if (answerable.has(entry.kind)) {
      answerable.get(entry.kind)?.add(entry.seq);
      silent.get(entry.kind)?.add(entry.seq);
    } else if (Object.hasOwn(ANSWERS, entry.kind)) {
      const [kind, name] = ANSWERS[entry.kind];
      const whose = member(entry, name, "int");
      const open = answerable.get(kind) ?? new Set();
      const meant = whose === null ? Array.from(open) : open.has(whose) ? [whose] : [];
      if (!meant.length) throw new Refusal("Entry {seq} ({type}) answers what nobody asked or raised.", { seq: entry.seq, type: entry.kind });
      for (const seq of meant) {
        silent.get(kind)?.delete(seq);
        if (whose !== null && entry.disclosed.continues !== false) answerable.get(kind)?.delete(seq);
      }
    } else if (entry.kind === "hearing.closed") {
      const left = Array.from(silent.values()).flatMap((one) => Array.from(one));
      if (left.length) throw new Refusal("The file is closed, and nothing answers entry {seq}.", { seq: Math.min(...left) });
    }
  }
}

/** @param {Entry[]} entries */
function checkInterventions(entries) {
  /** @type {Set<number>} */
  const held = new Set();
  for (const entry of entries) {
    if (entry.kind === "intervention.made") {
      if (member(entry, "suspends", "bool")) held.add(entry.seq);
    } else if (entry.kind === "intervention.settled") {
      const whose = member(entry, "intervention", "int");
      if (whose === null) held.clear();
      else if (member(entry, "continues", "bool") === false) held.add(whose);
      else held.delete(whose);
    } else if ((entry.kind === "hearing.resumed" || entry.kind === "record.on") && held.size) throw misplaced(entry);
  }
}

/** @param {Entry[]} entries */
function checkIdentities(entries) {
  const [lost, outside] = [new Set(), new Set()];
  let onRecord = false;
  for (const entry of entries) {
    const who = entry.participant ?? "";
    let fault = false;
    if (entry.kind === "hearing.suspended") {
      for (const one of texts(member(entry, "lost", "list") ?? [], odd(entry.seq))) lost.add(one);
    } else if (entry.kind === "identity.renewed") lost.delete(who);
    else if (entry.kind === "participant.dismissed") outside.add(who);
    else if (entry.kind === "participant.admitted") {
      outside.delete(who);
      fault = onRecord && lost.has(who);
    } else if (entry.kind === "hearing.resumed") fault = Array.from(lost).some((one) => !outside.has(one));
    else if (entry.kind === "record.on") onRecord = true;
    else if (entry.kind === "record.off") onRecord = false;
    else if (entry.kind === "sitting.ended") {
      lost.clear();
      outside.clear();
    }
    if (fault) throw misplaced(entry);
  }
}

// --- what was asked, answered and taken back ---------------------------------------------------

const SIGNED = ["advised", "answer", "asked", "language", "sha256", "text", "through", "version", "what"];
const NEEDED = /** @type {Record<string, string>} */ ({ browser: "signature", paper: "document", spoken: "witnessed" });

/** Of one person, and perhaps (`strictly`: surely) of one question. @param {Entry} one @param {Entry} other @param {boolean} [strictly] */
function alike(one, other, strictly = false) {
  if (one.participant !== other.participant) return false;
  const [first, second] = [member(one, "what", "str"), member(other, "what", "str")];
  return first === second || (!strictly && (first === null || second === null));
}

/** @param {Entry[]} entries @param {string} hearing */
function checkDeclarations(entries, hearing) {
  /** @type {Entry[]} */
  const asked = [];
  /** @type {Entry[]} */
  let standing = [];
  let onRecord = false;
  entries.forEach((entry, place) => {
    const { seq, kind } = entry;
    if (kind === "record.on") onRecord = true;
    else if (kind === "record.off") onRecord = false;
    else if (kind === "consent.asked") {
      const [words, digest] = [member(entry, "words", "str"), member(entry, "sha256", "str")];
      if (words !== null && digest !== null && hex(sha256(utf8(words))) !== digest) {
        throw new Refusal("Entry {seq} asks with other words than those of its digest.", { seq });
      }
      asked.push(entry);
    } else if (kind === "consent.declared") {
      if (!asked.some((question) => answers(entry, question))) {
        throw new Refusal("Entry {seq} ({type}) answers what nobody asked or raised.", { seq, type: kind });
      }
      if (!entry.concealed) checkMethod(entry, hearing);
      standing = standing.filter((one) => !alike(one, entry, true));
      standing.push(entry);
    } else if (kind === "consent.revoked") {
      const found = standing.find((one) => alike(one, entry));
      standing = standing.filter((one) => one !== found);
      const goesOn = onRecord && entries[place + 1]?.kind !== "hearing.suspended";
      if (!found || goesOn) throw misplaced(entry);
    }
  });
}

/** @param {Entry} answer @param {Entry} question */
function answers(answer, question) {
  if (!alike(question, answer)) return false;
  const asked = member(answer, "asked", "str");
  if (asked !== null && instant(asked, odd(answer.seq)) !== question.time) return false;
  return ["text", "version", "language", "sha256", "sample"].every((name) => {
    const [one, other] = [question.disclosed[name] ?? null, answer.disclosed[name] ?? null];
    return one === null || other === null || written(one) === written(other);
  });
}

/** @param {Entry} entry @param {string} hearing */
function checkMethod(entry, hearing) {
  const { seq, disclosed } = entry;
  const method = member(entry, "method", "str");
  if (method === null || !Object.hasOwn(NEEDED, method) || !(NEEDED[method] in disclosed)) throw odd(seq);
  if (!("signature" in disclosed) && !("key" in disclosed)) return;
  const [key, signature] = [member(entry, "key", "str"), member(entry, "signature", "str")];
  const told = Object.fromEntries(SIGNED.filter((name) => (disclosed[name] ?? null) !== null).map((name) => [name, disclosed[name]]));
  const data = canonicalBytes({ hearing, participant: String(entry.participant), ...told });
  const [point, numbers] = [fromBase64url(key ?? ""), fromBase64url(signature ?? "")];
  if (method !== "browser" || !point || !numbers || !p256Holds(point, numbers, data)) {
    throw new Refusal("The signature of the answer in entry {seq} does not hold.", { seq });
  }
}
