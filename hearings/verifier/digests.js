/** SHA-256 and SHA-512 (FIPS 180-4) and CRC-32 (ISO 3309), of our own: the same in every browser, and a stream at a time. */
import { hex } from "./bytes.js";

/** The first bits of the fractional parts of roots of primes. @param {number} count @param {number} bits @param {bigint} root */
function fractions(count, bits, root) {
  const found = [];
  for (let number = 2n; found.length < count; number++) {
    if (isPrime(number)) found.push(BigInt.asUintN(bits, rootOf(number << (root * BigInt(bits)), root)));
  }
  return found;
}

/** @param {bigint} number */
function isPrime(number) {
  for (let factor = 2n; factor * factor <= number; factor++) if (number % factor === 0n) return false;
  return true;
}

/** The whole part of a root, by Newton's way. @param {bigint} number @param {bigint} root */
function rootOf(number, root) {
  let found = 1n << BigInt(Math.ceil(number.toString(2).length / Number(root)));
  for (;;) {
    const next = ((root - 1n) * found + number / found ** (root - 1n)) / root;
    if (next >= found) return found;
    found = next;
  }
}

const K256 = Int32Array.from(fractions(64, 32, 3n), (word) => Number(BigInt.asIntN(32, word)));
const FIRST256 = Int32Array.from(fractions(8, 32, 2n), (word) => Number(BigInt.asIntN(32, word)));
const K512 = fractions(80, 64, 3n);
const FIRST512 = fractions(8, 64, 2n);
const MASK64 = (1n << 64n) - 1n;

export class Sha256 {
  constructor() {
    this.state = FIRST256.slice();
    this.rest = new Uint8Array(64);
    this.length = 0;
    this.words = new Int32Array(64);
  }

  /** What comes next, of any length. @param {Uint8Array} bytes */
  update(bytes) {
    let place = 0;
    const held = this.length % 64;
    this.length += bytes.length;
    if (held) {
      place = Math.min(64 - held, bytes.length);
      this.rest.set(bytes.subarray(0, place), held);
      if (held + place < 64) return this;
      this.blocks(this.rest, 0, 64);
    }
    const whole = place + Math.floor((bytes.length - place) / 64) * 64;
    this.blocks(bytes, place, whole);
    this.rest.set(bytes.subarray(whole), 0);
    return this;
  }

  /** The digest of all that came so far; more may come. */
  digest() {
    const end = new Sha256();
    end.state = this.state.slice();
    const held = this.length % 64;
    const padding = new Uint8Array(held < 56 ? 64 : 128);
    padding.set(this.rest.subarray(0, held));
    padding[held] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(this.length / 2 ** 29));
    view.setUint32(padding.length - 4, (this.length << 3) >>> 0);
    end.blocks(padding, 0, padding.length);
    const out = new DataView(new ArrayBuffer(32));
    end.state.forEach((word, place) => out.setInt32(4 * place, word));
    return new Uint8Array(out.buffer);
  }

  hex() {
    return hex(this.digest());
  }

  /** @param {Uint8Array} bytes @param {number} from @param {number} to a multiple of 64 behind it */
  blocks(bytes, from, to) {
    const { words: w, state } = this;
    const k = K256;
    let s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3];
    let s4 = state[4], s5 = state[5], s6 = state[6], s7 = state[7];
    for (let place = from; place < to; place += 64) {
      let a = s0, b = s1, c = s2, d = s3, e = s4, f = s5, g = s6, h = s7;
      for (let t = 0; t < 64; t++) {
        let word = 0;
        if (t < 16) {
          const at = place + (t << 2);
          word = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
        } else {
          const x = w[t - 15], y = w[t - 2];
          const s = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
          const r = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
          word = (w[t - 16] + w[t - 7] + s + r) | 0;
        }
        w[t] = word;
        const s = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const one = (h + s + (g ^ (e & (f ^ g))) + k[t] + word) | 0;
        const r = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const two = (r + ((a & b) | (c & (a | b)))) | 0;
        h = g; g = f; f = e; e = (d + one) | 0;
        d = c; c = b; b = a; a = (one + two) | 0;
      }
      s0 = (s0 + a) | 0; s1 = (s1 + b) | 0; s2 = (s2 + c) | 0; s3 = (s3 + d) | 0;
      s4 = (s4 + e) | 0; s5 = (s5 + f) | 0; s6 = (s6 + g) | 0; s7 = (s7 + h) | 0;
    }
    state.set([s0, s1, s2, s3, s4, s5, s6, s7]);
  }
}

/** @param {...Uint8Array} parts */
export function sha256(...parts) {
  const digest = new Sha256();
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** For what is short: signatures. @param {Uint8Array} bytes */
export function sha512(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  const state = FIRST512.slice();
  for (let place = 0; place < padded.length; place += 128) block512(view, place, state);
  const out = new DataView(new ArrayBuffer(64));
  state.forEach((word, number) => out.setBigUint64(8 * number, word));
  return new Uint8Array(out.buffer);
}

/** @param {bigint} word @param {bigint} by */
function turned(word, by) {
  return ((word >> by) | (word << (64n - by))) & MASK64;
}

/** @param {DataView} view @param {number} place @param {bigint[]} state is changed */
function block512(view, place, state) {
  const words = Array.from({ length: 16 }, (_, t) => view.getBigUint64(place + 8 * t));
  for (let t = 16; t < 80; t++) {
    const [x, y] = [words[t - 15], words[t - 2]];
    const s = turned(x, 1n) ^ turned(x, 8n) ^ (x >> 7n);
    const r = turned(y, 19n) ^ turned(y, 61n) ^ (y >> 6n);
    words.push((words[t - 16] + s + words[t - 7] + r) & MASK64);
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 80; t++) {
    const s = turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n);
    const one = h + s + (g ^ (e & (f ^ g))) + K512[t] + words[t];
    const r = turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n);
    const two = r + ((a & b) | (c & (a | b)));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) & MASK64, c, b, a, (one + two) & MASK64];
  }
  [a, b, c, d, e, f, g, h].forEach((word, number) => {
    state[number] = (state[number] + word) & MASK64;
  });
}

const CRC = Array.from({ length: 8 }, () => new Int32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  CRC[0][byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  for (let table = 1; table < 8; table++) {
    const before = CRC[table - 1][byte];
    CRC[table][byte] = (before >>> 8) ^ CRC[0][before & 0xff];
  }
}

/** @param {Uint8Array} bytes @param {number} [before] what it was of the bytes before */
export function crc32(bytes, before = 0) {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC;
  let crc = ~before;
  let place = 0;
  for (const whole = bytes.length - 7; place < whole; place += 8) {
    crc ^= bytes[place] | (bytes[place + 1] << 8) | (bytes[place + 2] << 16) | (bytes[place + 3] << 24);
    crc =
      t7[crc & 0xff] ^ t6[(crc >>> 8) & 0xff] ^ t5[(crc >>> 16) & 0xff] ^ t4[crc >>> 24] ^
      t3[bytes[place + 4]] ^ t2[bytes[place + 5]] ^ t1[bytes[place + 6]] ^ t0[bytes[place + 7]];
  }
  for (; place < bytes.length; place++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[place]) & 0xff];
  return ~crc >>> 0;
}
