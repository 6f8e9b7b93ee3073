/** The lists of the package: the container's ASiC manifest, and the bag's (RFC 8493). */
import { Refusal, ascii, base64, fromUtf8, malformed, same } from "./bytes.js";
import { Bundle, MANIFEST, SIGNATURE } from "./zip.js";

const ASIC = "http://uri.etsi.org/02918/v1.2.1#";
const DS = "http://www.w3.org/2000/09/xmldsig#";
const SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
const TAGS = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"];
const BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/** @param {Bundle} bundle */
export async function checkManifest(bundle) {
  const listed = readManifest(await bundle.whole(MANIFEST));
  const there = bundle.entries.slice(1, -2);
  const fits = (/** @type {{name: string}} */ entry, /** @type {number} */ place) => {
    const digest = bundle.digests.get(entry.name) ?? "";
    const bytes = Uint8Array.from(digest.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    return listed[place][0] === entry.name && listed[place][1] === base64(bytes);
  };
  if (listed.length !== there.length || !there.every(fits)) {
    throw new Refusal("The manifest of the container does not list the files as they are.");
  }
}

/** @typedef {{tag: string, attributes: Record<string, string>, children: Element[], text: string}} Element */

/** Name and digest of every file that the manifest lists, in its order. @param {Uint8Array} data @returns {[string, string][]} */
export function readManifest(data) {
  const text = fromUtf8(data);
  if (text === null) throw unknownPart();
  const root = parsed(text.replace(/^\ufeff/, ""));
  expect(root, `${ASIC} ASiCManifest`, [], false);
  const [signature, ...objects] = root.children;
  if (!signature) throw unknownPart();
  expect(signature, `${ASIC} SigReference`, ["URI"], true);
  if (signature.attributes.URI !== SIGNATURE || signature.children.length) throw unknownPart();
  return objects.map((object) => {
    expect(object, `${ASIC} DataObjectReference`, ["URI"], true);
    const [method, value, ...more] = object.children;
    if (!method || !value || more.length || method.children.length || value.children.length) throw unknownPart();
    expect(method, `${DS} DigestMethod`, ["Algorithm"], false);
    if (value.tag !== `${DS} DigestValue` || Object.keys(value.attributes).length) throw unknownPart();
    if (method.attributes.Algorithm !== SHA256) throw unknownPart();
    return [object.attributes.URI, value.text];
  });
}

/** @param {Element} element @param {string} tag @param {string[]} names @param {boolean} typed whether MimeType may stand */
function expect(element, tag, names, typed) {
  const there = Object.keys(element.attributes).filter((name) => !typed || name !== "MimeType");
  if (element.tag !== tag || there.join() !== names.join() || element.text.trim()) throw unknownPart();
}

function unknownPart() {
  return new Refusal("The manifest of the container has a part that the format does not know.");
}

/** XML of elements, attributes and text, and nothing else. @param {string} text @returns {Element} */
function parsed(text) {
  const declaration = /^<\?xml\s+version\s*=\s*(["'])1\.0\1(\s+encoding\s*=\s*(["'])[Uu][Tt][Ff]-8\3)?(\s+standalone\s*=\s*(["'])no\5)?\s*\?>/.exec(text);
  let place = declaration?.[0].length ?? 0;
  /** @type {{element: Element, name: string, spaces: Record<string, string>}[]} */
  const open = [{ element: { tag: "", attributes: {}, children: [], text: "" }, name: "", spaces: {} }];
  const tag = /<(\/?)([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)((?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
  while (place < text.length) {
    const above = open[open.length - 1];
    const next = text.indexOf("<", place);
    const end = next < 0 ? text.length : next;
    above.element.text += resolved(text.slice(place, end));
    if (end === text.length) break;
    tag.lastIndex = end;
    const found = tag.exec(text);
    if (!found) throw unknownPart();
    place = tag.lastIndex;
    const [, closing, name, attributes, empty] = found;
    if (closing) {
      if (open.length < 2 || above.name !== name || attributes || empty) throw unknownPart();
      open.pop();
    } else {
      const made = opened(name, attributes, above.spaces);
      above.element.children.push(made.element);
      if (!empty) open.push(made);
      if (open.length > 8) throw unknownPart();
    }
  }
  const [root, ...more] = open[0].element.children;
  if (open.length !== 1 || !root || more.length || open[0].element.text.trim()) throw unknownPart();
  return root;
}

/** @param {string} name @param {string} source @param {Record<string, string>} above the namespaces of its parent */
function opened(name, source, above) {
  const spaces = { ...above };
  /** @type {Record<string, string>} */
  const attributes = Object.create(null);
  const seen = new Set();
  for (const found of source.matchAll(/([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    const [key, value] = [found[1], resolved(found[2] ?? found[3])];
    if (seen.has(key)) throw unknownPart();
    seen.add(key);
    if (key === "xmlns" || key.startsWith("xmlns:")) {
      if (value !== ASIC && value !== DS) throw unknownPart();
      spaces[key.slice(6)] = value;
    } else attributes[key] = value;
  }
  const [prefix, local] = name.includes(":") ? name.split(":") : ["", name];
  /** @type {Element} */
  const element = { tag: `${spaces[prefix] ?? ""} ${local}`, attributes, children: [], text: "" };
  return { element, name, spaces };
}

const ENTITIES = /** @type {Record<string, string>} */ ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" });

/** @param {string} text */
function resolved(text) {
  if (text.includes("]]>")) throw unknownPart();
  return text.replace(/&([^;&]*);?/g, (whole, name) => {
    const code = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
    const meant = code ? parseInt(code[1] ?? code[2], code[1] ? 16 : 10) : null;
    if (!whole.endsWith(";") || (meant === null && !Object.hasOwn(ENTITIES, name)) || Number(meant) > 0x10ffff) throw unknownPart();
    return meant === null ? ENTITIES[name] : String.fromCodePoint(meant);
  });
}

// --- the bag -----------------------------------------------------------------------------------

/** @param {Bundle} bundle */
export async function checkBag(bundle) {
  const payload = bundle.paths.filter((path) => path.startsWith("data/"));
  const lines = (/** @type {string[]} */ paths) => paths.map((path) => `${bundle.sha256(path)}  ${path}\n`).join("");
  const wanted = /** @type {[string, string][]} */ ([
    ["bagit.txt", BAGIT],
    ["manifest-sha256.txt", lines(payload)],
    ["tagmanifest-sha256.txt", lines(TAGS)],
  ]);
  for (const [path, text] of wanted) {
    if (!same(await bundle.read(path), ascii(text))) {
      throw new Refusal("{name} does not list the files as they are.", { name: path });
    }
  }
  await checkBagInfo(bundle, payload);
  return payload.length;
}

/** @param {Bundle} bundle @param {string[]} payload */
async function checkBagInfo(bundle, payload) {
  const path = "bag-info.txt";
  const octets = payload.reduce((sum, one) => sum + bundle.entry(one).size, 0);
  const wanted = [`External-Identifier: urn:uuid:${bundle.hearing}`, `Payload-Oxum: ${octets}.${payload.length}`];
  const lines = (await bundle.lines(path)).map((line) => fromUtf8(line));
  if (!lines.every((line) => line?.includes(": "))) throw malformed(path);
  const labels = lines.map((line) => line?.split(": ")[0].toLowerCase());
  const once = ["external-identifier", "payload-oxum"].every((label) => labels.filter((one) => one === label).length === 1);
  if (!once || !wanted.every((line) => lines.includes(line))) {
    throw new Refusal("{name} does not list the files as they are.", { name: path });
  }
}
