/**
 * The sentences that scripts show. They are written by the server, in the page's language, as attributes of the
 * element `words`: `data-unreached` is word("unreached").
 */

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for `{name}` in the sentence
 */
export function word(key, values = {}) {
  const sentence = document.getElementById("words")?.dataset[key] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
