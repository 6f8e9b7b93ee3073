/** The page around the verifier. What it shows of a record comes from hostile bytes: as text only, and nothing unseen in it. */
import { said } from "./bytes.js";
import { verify } from "./verify.js";

/** @typedef {import("./bytes.js").Said} Said */
/** @typedef {import("./verify.js").Check} Check */
/** @typedef {import("./verify.js").Verdict} Verdict */

const LANGUAGES = { ar: "العربية", zh: "中文", en: "English", fr: "Français", ru: "Русский", es: "Español" };
const WORDS = /** @type {Record<string, Record<string, string>>} */ (JSON.parse(element("words").textContent ?? ""));
const KINDS = JSON.parse(element("kinds").textContent ?? "");
const LONGEST = 300;

const CHECKS = /** @type {Record<string, Said>} */ ({
  trust: said("The trust file can be read"),
  head: said("The head that somebody kept can be read"),
  zip: said("The file is whole, and nothing is hidden in it"),
  container: said("The list of all files is right"),
  bag: said("The second list of all files is right"),
  log: said("The heads of the journal are signed"),
  tree: said("The entries are exactly those that were signed"),
  entries: said("Every entry has its form and its place"),
  seals: said("The court's seals"),
  files: said("Every file is the one that the journal sealed"),
  time: said("Every moment on the record is accounted for"),
  minutes: said("The seals of the minutes"),
  copies: said("The copies for playing"),
});
const OUTCOMES = /** @type {Record<string, Said>} */ ({
  ok: said("in order"),
  part: said("in order, the rest is left to the command"),
  refused: said("refused"),
  skipped: said("nothing to check"),
  "not run": said("not run"),
  left: said("left to the command"),
});

let language = Object.keys(LANGUAGES)[2] ?? "en";
/** @type {{name: string, size: number, at: Date, checks: Check[], verdict: Verdict | null} | null} */
let told = null;

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (element(id));
}

/** What cannot be seen, or turns what stands beside it around, is shown by its number. @param {string | number} value */
function visible(value) {
  const letters = Array.from(String(value));
  const shown = letters.slice(0, LONGEST).map((letter) => {
    const unseen = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u.test(letter);
    return unseen ? `⟨U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩` : letter;
  });
  return shown.join("") + (letters.length > LONGEST ? "…" : "");
}

/** @param {string} sentence */
function translated(sentence) {
  return WORDS[language]?.[sentence] ?? sentence;
}

/** The sentence in the reader's language, each value set apart. @param {HTMLElement} where @param {Said} what */
function show(where, { sentence, values }) {
  const parts = translated(sentence).split(/\{(\w+)\}/);
  where.replaceChildren(
    ...parts.map((part, place) => {
      if (place % 2 === 0) return document.createTextNode(part);
      const value = document.createElement("bdi");
      value.textContent = visible(values[part] ?? "");
      return value;
    }),
  );
}

/** @param {string} tag @param {string} kind @param {Said | null} what */
function made(tag, kind, what) {
  const one = document.createElement(tag);
  one.className = kind;
  if (what) show(one, what);
  return one;
}

function drawPage() {
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  document.title = translated("Check the record of a hearing");
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-say]"))) {
    one.dataset.say ||= one.textContent ?? "";
    one.textContent = translated(one.dataset.say);
  }
  drawResult();
}

function drawResult() {
  if (told === null) return;
  element("checks").replaceChildren(...told.checks.map(drawn));
  const { verdict } = told;
  element("result").hidden = verdict === null;
  if (verdict === null) return;
  const refused = told.checks.find((check) => check.outcome === "refused");
  const unread = refused?.name === "trust" || refused?.name === "head";
  element("verdict").className = verdict.listed ? "listed" : verdict.accepted ? "whole" : unread ? "unread" : "refused";
  show(element("verdict-head"), unread ? said("Nothing is decided: a file beside the record cannot be read") : headOf(verdict));
  show(element("verdict-words"), unread ? said("Choose the right file, or leave it out, and check again. This says nothing about the record itself. What was found:") : wordsOf(verdict));
  if (refused) show(element("verdict-reason"), refused.said);
  else element("verdict-reason").replaceChildren();
  const time = told.at.toLocaleString(language, { dateStyle: "long", timeStyle: "long" });
  show(element("verdict-file"), said("{name}, {bytes} bytes; checked at {time} by the clock of this device.", { name: told.name, bytes: told.size, time }));
  element("left").hidden = !verdict.accepted;
  const file = /^[\w.-]+$/.test(told.name) && !told.name.startsWith("-") ? told.name : "RECORD.asice"; // others may be more than a name to a shell
  element("command").textContent = `vivavoce verify ${file} --trust trust.json`;
  drawFacts(verdict);
}

/** @param {Check} check */
function drawn(check) {
  const line = document.createElement("li");
  line.dataset.check = check.name;
  line.dataset.outcome = check.outcome;
  const what = made("p", "what", CHECKS[check.name] ?? null);
  const name = document.createElement("code");
  name.textContent = check.name;
  what.append(" ", name);
  line.append(made("p", `outcome ${check.outcome.replace(" ", "-")}`, OUTCOMES[check.outcome] ?? null), what, made("p", "found", check.said));
  return line;
}

/** @param {Verdict} verdict */
function headOf(verdict) {
  if (!verdict.accepted) return said("Do not rely on this file");
  if (!verdict.listed) return said("No alteration was found. Who sealed it is not known yet");
  return said("No alteration was found, and it is signed by a key that your trust file lists");
}

/** @param {Verdict} verdict */
function wordsOf(verdict) {
  if (!verdict.accepted) {
    return said("It is not as it was when it was sealed, or it is no record. Keep it as it is, and ask the court for the record again. What was found first:");
  }
  if (!verdict.listed) {
    return said("Everything that this page checks fits together. But anybody can make a record that fits together: compare the log key below with the one that the court tells you by another way, and have the seals checked by the command.");
  }
  return said("Everything that this page checks fits together. The court's seals are still to be checked by the command.");
}

/** @param {Verdict} verdict */
function drawFacts({ facts }) {
  element("facts").hidden = facts === null;
  if (facts === null) return;
  const time = (/** @type {number} */ at) => `${new Date(at).toLocaleString(language, { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" })} UTC`;
  /** @type {[Said, Said][]} */
  const rows = [
    [said("Hearing"), said("{value}", { value: facts.hearing })],
    [said("First entry"), said("{value}", { value: time(facts.from) })],
    [said("Last entry"), said("{value}", { value: time(facts.to) })],
    [said("Entries"), said("{value}", { value: facts.entries })],
    [said("Version"), facts.redacted ? said("redacted: {count} parts are withheld, each with a ground and a decision", { count: facts.withheld }) : said("full")],
    [said("Log key"), said("{value}", { value: facts.vkey })],
  ];
  if (facts.lost) rows.push([said("Lost"), said("{count} parts of the recording were lost from disk, as the journal tells", { count: facts.lost })]);
  element("facts-list").replaceChildren(...rows.flatMap(([term, what]) => [made("dt", "", term), made("dd", "", what)]));
}

// --- asking ------------------------------------------------------------------------------------

/** The verifier at work beside the page, or within it where the browser starts no worker for a page from disk.
 * @param {import("./verify.js").Question} question
 * @param {import("./verify.js").Listener} listener
 * @returns {Promise<Verdict>}
 */
async function answer(question, listener) {
  const worker = await started();
  if (worker === null) return verify(question, listener);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.check) listener.check(data.check);
      else if (data.whole) listener.progress(data.done, data.whole);
      else if (data.verdict) {
        worker.terminate();
        resolve(data.verdict);
      }
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(question);
  });
}

/** @returns {Promise<Worker | null>} */
function started() {
  const source = `"use strict";${element("verifier").textContent}\nserve();`;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return new Promise((resolve) => {
    try {
      const worker = new Worker(address);
      worker.onmessage = () => resolve(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(null);
      };
    } catch {
      resolve(null);
    }
  });
}

/** @param {Event} event */
async function ask(event) {
  event.preventDefault();
  const [record, trust, head] = ["record", "trust", "head"].map((id) => field(id).files?.[0] ?? null);
  element("record-bad").hidden = record !== null;
  if (!record) {
    field("record").focus();
    return;
  }
  const now = new Date();
  told = { name: record.name, size: record.size, at: now, checks: [], verdict: null };
  const asked = told;
  element("result").hidden = true;
  element("running").hidden = false;
  field("check").disabled = true;
  progress(0, 1);
  try {
    asked.verdict = await answer({ record, trust: trust ?? null, head: head ?? null, now: now.getTime(), kinds: KINDS }, { check: (check) => asked.checks.push(check), progress });
  } catch (error) {
    const what = said("This cannot be read ({error}).", { error: String(error) });
    asked.checks.push({ name: "zip", outcome: "refused", said: what });
    asked.verdict = { accepted: false, listed: false, facts: null };
  }
  field("check").disabled = false;
  element("running").hidden = true;
  drawResult();
  element("verdict-head").focus();
}

/** @param {number} done @param {number} whole */
function progress(done, whole) {
  const part = Math.min(1, done / Math.max(1, whole));
  /** @type {HTMLProgressElement} */ (element("progress")).value = part;
  element("percent").textContent = `${Math.floor(100 * part)} %`;
}

/** @param {DragEvent} event */
function dropped(event) {
  event.preventDefault();
  element("place").classList.toggle("over", event.type === "dragover");
  if (event.type !== "drop") return;
  for (const file of event.dataTransfer?.files ?? []) {
    const one = new DataTransfer();
    one.items.add(file);
    field(file.name.endsWith(".json") ? "trust" : file.name.endsWith(".txt") ? "head" : "record").files = one.files;
  }
}

const choice = /** @type {HTMLSelectElement} */ (element("language"));
for (const [code, name] of Object.entries(LANGUAGES)) {
  const option = new Option(name, code);
  option.lang = code;
  choice.append(option);
}
const wanted = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
language = wanted.find((one) => one in LANGUAGES) ?? "en";
choice.value = language;
choice.addEventListener("change", () => {
  language = choice.value;
  drawPage();
});
element("question").addEventListener("submit", ask);
element("print").addEventListener("click", () => print());
for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, (event) => dropped(/** @type {DragEvent} */ (event)));
drawPage();
