/** Canonical JSON (RFC 8785) of the record's profile, read strictly; and, for the trust file alone, JSON as people write it. */
import { Refusal, byCodePoint, fromUtf8, utf8 } from "./bytes.js";

/** @typedef {null | boolean | number | string | Json[] | {[name: string]: Json}} Json */

export const DEEPEST = 32;

class NotJson extends Error {}

/**
 * Reads one value; objects have no prototype.
 * @param {Uint8Array} bytes
 * @param {Refusal} refusal what is thrown if this is no JSON in its canonical form
 */
export function readCanonical(bytes, refusal) {
  return read(bytes, refusal, true);
}

/** White space and the order of names are free; a name that stands twice is not. @param {Uint8Array} bytes @param {Refusal} refusal */
export function readFree(bytes, refusal) {
  return read(bytes, refusal, false);
}

/** @param {Uint8Array} bytes @param {Refusal} refusal @param {boolean} canonical @returns {Json} */
function read(bytes, refusal, canonical) {
  const text = fromUtf8(bytes);
  if (text === null) throw refusal;
  try {
    return new Reading(text, canonical).whole();
  } catch (error) {
    if (error instanceof NotJson || error instanceof RangeError) throw refusal;
    throw error;
  }
}

class Reading {
  /** @param {string} text @param {boolean} canonical */
  constructor(text, canonical) {
    this.text = text;
    this.canonical = canonical;
    this.place = 0;
  }

  whole() {
    const value = this.value(1);
    this.space();
    if (this.place !== this.text.length) throw new NotJson();
    return value;
  }

  space() {
    while (!this.canonical && " \t\n\r".includes(this.text[this.place] ?? "x")) this.place++;
  }

  /** @param {string} wanted */
  take(wanted) {
    this.space();
    if (!this.text.startsWith(wanted, this.place)) return false;
    this.place += wanted.length;
    return true;
  }

  /** @param {string} wanted */
  need(wanted) {
    if (!this.take(wanted)) throw new NotJson();
  }

  /** @param {number} depth that of this value, whatever it is: the outermost is at 1 @returns {Json} */
  value(depth) {
    if (this.canonical && depth > DEEPEST) throw new NotJson();
    if (this.take("{")) return this.object(depth);
    if (this.take("[")) return this.list(depth);
    if (this.take('"')) return this.string();
    if (this.take("true")) return true;
    if (this.take("false")) return false;
    if (this.take("null")) return null;
    return this.number();
  }

  /** @param {number} depth */
  list(depth) {
    /** @type {Json[]} */
    const items = [];
    if (this.take("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.take(","));
    this.need("]");
    return items;
  }

  /** @param {number} depth */
  object(depth) {
    /** @type {{[name: string]: Json}} */
    const members = Object.create(null);
    if (this.take("}")) return members;
    let before = null;
    do {
      this.need('"');
      const name = this.string();
      const misplaced = this.canonical && before !== null && before >= name;
      if (misplaced || name in members) throw new NotJson();
      before = name;
      this.need(":");
      members[name] = this.value(depth + 1);
    } while (this.take(","));
    this.need("}");
    return members;
  }

  string() {
    const parts = [];
    for (;;) {
      const found = /["\\\u0000-\u001f]/g;
      found.lastIndex = this.place;
      const end = found.exec(this.text)?.index;
      if (end === undefined) throw new NotJson();
      parts.push(this.text.slice(this.place, end));
      this.place = end + 1;
      if (this.text[end] === '"') break;
      if (this.text[end] !== "\\") throw new NotJson();
      parts.push(this.escape());
    }
    const text = parts.join("");
    const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
    if (this.canonical && (lone || text.normalize("NFC") !== text)) throw new NotJson();
    return text;
  }

  escape() {
    const letter = this.text[this.place++] ?? "";
    const at = 'bfnrt"\\'.indexOf(letter);
    if (letter && at >= 0) return '\b\f\n\r\t"\\'[at] ?? "";
    if (letter === "/" && !this.canonical) return "/";
    const code = this.text.slice(this.place, this.place + 4);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(code)) throw new NotJson();
    this.place += 4;
    const meant = String.fromCharCode(parseInt(code, 16));
    if (this.canonical && JSON.stringify(meant) !== `"\\u${code}"`) throw new NotJson();
    return meant;
  }

  number() {
    this.space();
    const digits = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    digits.lastIndex = this.place;
    const found = digits.exec(this.text);
    if (found === null) throw new NotJson();
    this.place += found[0].length;
    const number = Number(found[0]);
    if (this.canonical && (String(number) !== found[0] || !Number.isSafeInteger(number))) throw new NotJson();
    return number;
  }
}

/** The bytes of a value that was read. @param {Json} value @returns {Uint8Array} */
export function canonicalBytes(value) {
  return utf8(written(value));
}

/** @param {Json} value @returns {string} */
export function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 has it
  return `{${names.map((name) => `${JSON.stringify(name)}:${written(value[name] ?? null)}`).join(",")}}`;
}

/** @typedef {"int" | "str" | "bool" | "list" | "dict"} Kind */

/** @param {Json | undefined} value @returns {Kind | "null"} */
export function kindOf(value) {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return "int";
  if (typeof value === "string") return "str";
  return typeof value === "boolean" ? "bool" : "dict";
}

/**
 * The value, if it is an object with exactly these members of these kinds.
 * @param {Json | undefined} value
 * @param {Record<string, Kind>} kinds
 * @param {Refusal} refusal
 * @returns {Record<string, any>}
 */
export function members(value, kinds, refusal) {
  if (kindOf(value) !== "dict") throw refusal;
  const object = /** @type {Record<string, any>} */ (value);
  const names = Object.keys(object);
  if (names.length !== Object.keys(kinds).length) throw refusal;
  if (!names.every((name) => Object.hasOwn(kinds, name) && kindOf(object[name]) === kinds[name])) throw refusal;
  return object;
}

/** @param {Json[]} list @param {Refusal} refusal @returns {string[]} */
export function texts(list, refusal) {
  if (!list.every((item) => typeof item === "string")) throw refusal;
  return /** @type {string[]} */ (list);
}

/** @param {string[]} names */
export function sortedOnce(names) {
  return names.every((name, place) => place === 0 || byCodePoint(names[place - 1] ?? "", name) < 0);
}

/** Milliseconds since 1970 of a time of the record. @param {string} text @param {Refusal} refusal */
export function instant(text, refusal) {
  const moment = /^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(moment) || new Date(moment).toISOString() !== text) throw refusal;
  return moment;
}
