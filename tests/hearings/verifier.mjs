// Runs the verifier's script in Node: a question a line (JSON, bytes in hex), an answer a line.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { runInThisContext } from "node:vm";

const answers = `({
  sha256: (bytes, ...cuts) => {
    const digest = new Sha256();
    [0, ...cuts].forEach((from, place) => digest.update(bytes.subarray(from, cuts[place] ?? bytes.length)));
    return digest.hex();
  },
  sha512: (bytes) => hex(sha512(bytes)),
  crc32: (bytes, cut) => crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))),
  ed25519: ed25519Holds,
  p256: p256Holds,
  root: (...leaves) => {
    const tree = new Tree();
    for (const leaf of leaves) tree.append(leaf);
    return hex(tree.root());
  },
  canonical: (bytes) => {
    try {
      return written(readCanonical(bytes, malformed("it")));
    } catch {
      return null;
    }
  },
  // A package and a trust file by their paths, and the time: what came of each check.
  verify: async (record, trust, now) => {
    const checks = [];
    const listener = { check: (check) => checks.push([check.name, check.outcome]), progress: () => {} };
    const { accepted } = await verify({ record: blobOf(record), trust: blobOf(trust), head: null, now, kinds: everyKind }, listener);
    return { accepted, checks };
  },
  instant: (bytes) => {
    try {
      return instant(fromUtf8(bytes), malformed("it"));
    } catch {
      return null;
    }
  },
})`;
globalThis.blobOf = (path) => new Blob([readFileSync(Buffer.from(path).toString())]);
globalThis.everyKind = JSON.parse(readFileSync(process.argv[3], "utf-8"));
const known = runInThisContext(`${readFileSync(process.argv[2], "utf-8")}\n${answers}`);
const given = (one) => (typeof one === "string" ? Uint8Array.from(Buffer.from(one, "hex")) : one);

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await known[name](...values.map(given)))}\n`);
}
