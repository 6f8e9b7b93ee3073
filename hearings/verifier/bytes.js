/** Bytes as text and back, and refusals. Every sentence here is a key of `words/*.json`. */

/** @typedef {{sentence: string, values: Record<string, string | number>}} Said */

/**
 * @param {string} sentence English, with the names of its values in braces
 * @param {Record<string, string | number>} [values]
 * @returns {Said}
 */
export function said(sentence, values = {}) {
  return { sentence, values };
}

/** What does not hold; the sentence is for a person. */
export class Refusal extends Error {
  /** @param {string} sentence @param {Record<string, string | number>} [values] */
  constructor(sentence, values = {}) {
    super(sentence);
    this.said = said(sentence, values);
  }
}

/** There is nothing to check; the sentence says why. */
export class Skipped extends Error {
  /** @param {string} sentence */
  constructor(sentence) {
    super(sentence);
    this.said = said(sentence);
  }
}

/**
 * A text, an object or bytes that are not as the format has them.
 * @param {string} name
 */
export function malformed(name) {
  return new Refusal("{name} is not in the form that the format gives it.", { name });
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text */
export function ascii(text) {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** @param {string} text */
export function utf8(text) {
  return new TextEncoder().encode(text);
}

/** Strictly, a byte order mark being a letter like another; null if it is not UTF-8. @param {Uint8Array} bytes */
export function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Standard base64 with padding. @param {Uint8Array} bytes */
export function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Null unless it is standard base64 in its one form. @param {string} text */
export function fromBase64(text) {
  if (text.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const bytes = ascii(atob(text));
  return base64(bytes) === text ? bytes : null;
}

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Null unless it is base64url without padding in its one form. @param {string} text */
export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat(-text.length & 3));
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export function same(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** @param {...Uint8Array} parts */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Order by code point, as that of the bytes in UTF-8. @param {string} one @param {string} other */
export function byCodePoint(one, other) {
  const [a, b] = [Array.from(one), Array.from(other)];
  for (let place = 0; place < Math.min(a.length, b.length); place++) {
    const difference = Number(a[place]?.codePointAt(0)) - Number(b[place]?.codePointAt(0));
    if (difference) return difference;
  }
  return a.length - b.length;
}
