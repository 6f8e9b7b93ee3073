/**
 * Signatures in arithmetic of our own, always used: Ed25519 (RFC 8032, 5.1.7, without cofactor) and ECDSA on P-256
 * (FIPS 186-5). Only public values go in, so nothing need be secret about the time that it takes.
 */
import { hex, joined } from "./bytes.js";
import { sha256, sha512 } from "./digests.js";

/** @param {bigint} number @param {bigint} by */
function modulo(number, by) {
  const rest = number % by;
  return rest < 0n ? rest + by : rest;
}

/** @param {bigint} base @param {bigint} exponent @param {bigint} by */
function power(base, exponent, by) {
  let result = 1n;
  for (let left = exponent, square = base; left; left >>= 1n, square = (square * square) % by) {
    if (left & 1n) result = (result * square) % by;
  }
  return result;
}

/** By Euclid; of a number that has one. @param {bigint} number @param {bigint} by */
function inverse(number, by) {
  let [before, rest, one, other] = [by, modulo(number, by), 0n, 1n];
  while (rest) {
    const times = before / rest;
    [before, rest] = [rest, before - times * rest];
    [one, other] = [other, one - times * other];
  }
  return modulo(one, by);
}

/** @param {Uint8Array} bytes */
function bigEndian(bytes) {
  return BigInt(`0x${hex(bytes) || "0"}`);
}

/** @param {Uint8Array} bytes */
function littleEndian(bytes) {
  return bigEndian(Uint8Array.from(bytes).reverse());
}

// --- Ed25519 -----------------------------------------------------------------------------------

/** Extended coordinates, RFC 8032, 5.1.4. @typedef {[bigint, bigint, bigint, bigint]} Point */

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = modulo(-121665n * inverse(121666n, P), P);
const ROOT = power(2n, (P - 1n) / 4n, P);
/** @type {Point} */
const NOUGHT = [0n, 1n, 1n, 0n];
const BASE = pointOf(modulo(4n * inverse(5n, P), P), 0n);

/** The point of this y and the sign of x; null if there is none. @param {bigint} y @param {bigint} sign @returns {Point | null} */
function pointOf(y, sign) {
  if (y >= P) return null;
  const [u, v] = [modulo(y * y - 1n, P), modulo(D * y * y + 1n, P)];
  const v3 = (((v * v) % P) * v) % P;
  let x = (((u * v3) % P) * power((((u * v3) % P) * v3 * v) % P, (P - 5n) / 8n, P)) % P;
  const check = (((v * x) % P) * x) % P;
  if (check === modulo(-u, P)) x = (x * ROOT) % P;
  else if (check !== u) return null;
  if (x === 0n && sign) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, (x * y) % P];
}

/** @param {Point} one @param {Point} other @returns {Point} */
function added(one, other) {
  const a = ((one[1] - one[0]) * (other[1] - other[0])) % P;
  const b = ((one[1] + one[0]) * (other[1] + other[0])) % P;
  const c = (2n * one[3] * ((other[3] * D) % P)) % P;
  const d = (2n * one[2] * other[2]) % P;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

/** @param {Point} one @returns {Point} */
function doubled(one) {
  const a = (one[0] * one[0]) % P;
  const b = (one[1] * one[1]) % P;
  const h = a + b;
  const e = h - (((one[0] + one[1]) * (one[0] + one[1])) % P);
  const g = a - b;
  const f = ((2n * one[2] * one[2]) % P) + g;
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

/** `m` times the base and `n` times the point. @param {bigint} m @param {bigint} n @param {Point} point */
function combined(m, n, point) {
  const base = /** @type {Point} */ (BASE);
  const both = added(base, point);
  let sum = NOUGHT;
  for (let bit = 252n; bit >= 0n; bit--) {
    sum = doubled(sum);
    const which = Number((m >> bit) & 1n) + 2 * Number((n >> bit) & 1n);
    if (which) sum = added(sum, which === 3 ? both : which === 2 ? point : base);
  }
  return sum;
}

/** @param {Uint8Array} key 32 bytes @param {Uint8Array} signature @param {Uint8Array} message */
export function ed25519Holds(key, signature, message) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const s = littleEndian(signature.subarray(32));
  const encoded = littleEndian(key);
  const point = pointOf(BigInt.asUintN(255, encoded), encoded >> 255n);
  if (point === null || s >= L) return false;
  const k = littleEndian(sha512(joined(signature.subarray(0, 32), key, message))) % L;
  const [x, y, z, t] = point;
  const sum = combined(s, k, [modulo(-x, P), y, z, modulo(-t, P)]);
  const scale = inverse(sum[2], P);
  const [ownX, ownY] = [modulo(sum[0] * scale, P), modulo(sum[1] * scale, P)];
  return littleEndian(signature.subarray(0, 32)) === (ownY | ((ownX & 1n) << 255n));
}

// --- ECDSA on P-256 ----------------------------------------------------------------------------

const Q = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const GX = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n;
const GY = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n;

/** Affine; null is the point at infinity. @typedef {[bigint, bigint] | null} Affine */

/** @param {Affine} one @param {Affine} other @returns {Affine} */
function sum256(one, other) {
  if (!one || !other) return one ?? other;
  if (one[0] === other[0] && modulo(one[1] + other[1], Q) === 0n) return null;
  const twice = one[0] === other[0];
  const above = twice ? 3n * one[0] * one[0] - 3n : other[1] - one[1];
  const below = modulo(twice ? 2n * one[1] : other[0] - one[0], Q);
  const slope = (modulo(above, Q) * inverse(below, Q)) % Q;
  const x = modulo(slope * slope - one[0] - other[0], Q);
  return [x, modulo(slope * (one[0] - x) - one[1], Q)];
}

/** @param {bigint} factor @param {Affine} point */
function times256(factor, point) {
  /** @type {Affine} */
  let result = null;
  for (let left = factor, step = point; left; left >>= 1n, step = sum256(step, step)) {
    if (left & 1n) result = sum256(result, step);
  }
  return result;
}

/** @param {Uint8Array} point uncompressed, 65 bytes @param {Uint8Array} signature r and s, 64 bytes @param {Uint8Array} message */
export function p256Holds(point, signature, message) {
  if (point.length !== 65 || point[0] !== 4 || signature.length !== 64) return false;
  const [x, y] = [bigEndian(point.subarray(1, 33)), bigEndian(point.subarray(33))];
  const [r, s] = [bigEndian(signature.subarray(0, 32)), bigEndian(signature.subarray(32))];
  if (x >= Q || y >= Q || modulo(y * y - x * x * x + 3n * x - B, Q) !== 0n) return false;
  if (r < 1n || s < 1n || r >= ORDER || s >= ORDER) return false;
  const scale = inverse(s, ORDER);
  const hashed = bigEndian(sha256(message));
  const one = times256(modulo(hashed * scale, ORDER), [GX, GY]);
  const found = sum256(one, times256(modulo(r * scale, ORDER), [x, y]));
  return found !== null && modulo(found[0], ORDER) === r;
}
