/**
 * The sentences that scripts show. They are written by the server, in the page's language, as attributes of the
 * elements `words` (on every page), `test-words`, `check-words` and `figures-words`, of which the first one counts:
 * `data-unreached` is word("unreached").
 */

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for `{name}` in the sentence
 */
export function word(key, values = {}) {
  const told = ["words", "test-words", "check-words", "figures-words"].map((id) => document.getElementById(id)?.dataset[key]);
  const sentence = told.find(Boolean) ?? "";
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
