// Completes prefixes, classes, properties and things of this release, and declares the prefixes that are used.
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import { suggest } from "../search/suggest";

interface Term { readonly iri: string; readonly name: string; readonly label: string }
export interface Terms { readonly prefixes: Record<string, string>; readonly classes: readonly Term[]; readonly properties: readonly Term[] }

const KEYWORDS = (
  "SELECT CONSTRUCT DESCRIBE ASK WHERE FROM NAMED DISTINCT OPTIONAL UNION MINUS FILTER BIND VALUES GRAPH EXISTS ORDER BY GROUP HAVING " +
  "LIMIT OFFSET COUNT SUM AVG MIN MAX SAMPLE GROUP_CONCAT AS LANG LANGMATCHES STR DATATYPE REGEX CONTAINS STRSTARTS BOUND COALESCE PREFIX"
).split(" ");

const NO_TERMS: Terms = { prefixes: {}, classes: [], properties: [] };

/** The vocabulary of the release; asked for once, when first needed. */
export async function fetchTerms(address: string): Promise<Terms> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()) as Terms;
}

/** The prefix declarations that a text needs and lacks. */
export function findMissingPrefixes(text: string, prefixes: Record<string, string>): string[] {
  const bare = text.replace(/<[^<>\s]*>|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#.*$/gm, " ");
  const declared = new Set([...bare.matchAll(/\bPREFIX\s+([\w-]*):/gi)].map((m) => m[1]));
  const used = new Set([...bare.matchAll(/(?<![\w:?$-])([A-Za-z][\w-]*):/g)].map((m) => m[1] ?? ""));
  return [...used].filter((prefix) => !declared.has(prefix) && Object.hasOwn(prefixes, prefix));
}

/** Declare the known prefixes that are used, at the head. */
export function declarePrefixes(view: EditorView, prefixes: Record<string, string>): void {
  const missing = findMissingPrefixes(view.state.doc.toString(), prefixes);
  if (missing.length === 0) return;
  view.dispatch({ changes: { from: 0, insert: missing.map((prefix) => `PREFIX ${prefix}: <${prefixes[prefix]}>\n`).join("") } });
}

function offer(terms: Terms, name: string, detail: string, type: string, boost: number): Completion {
  return {
    label: name, detail, type, boost,
    apply: (view, _, from, to) => {
      view.dispatch({ changes: { from, to, insert: name }, selection: { anchor: from + name.length } });
      declarePrefixes(view, terms.prefixes);
    },
  };
}

/** Things are offered by any of their names, and written as a prefixed name where one is allowed. */
async function offerThings(terms: Terms, words: string, address: string, signal: AbortSignal): Promise<Completion[]> {
  const found = await suggest(address, words, signal).catch(() => []);
  return found.map(({ iri, match, types }) => {
    const local = iri.startsWith(terms.prefixes.id ?? "\0") ? iri.slice(terms.prefixes.id!.length) : "";
    const name = /^[A-Za-z0-9_][\w-]*$/.test(local) ? `id:${local}` : `<${iri}>`;
    return { ...offer(terms, name, types[0]?.text ?? "", "constant", 20), displayLabel: match.text };
  });
}

/** Return what completes at a place in a query. */
export function makeCompletion(termsAddress: string, suggestAddress: string): CompletionSource {
  let terms: Promise<Terms> | undefined;
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/[\p{L}\p{N}_-]*:?[\p{L}\p{N}_-]*/u);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    const before = context.state.sliceDoc(Math.max(0, word.from - 1), word.from);
    const line = context.state.doc.lineAt(context.pos);
    if (before === "?" || before === "$" || before === "@" || /^\s*#/.test(line.text)) return null;
    terms ??= fetchTerms(termsAddress);
    const known = await terms.catch(() => { terms = undefined; return NO_TERMS; });
    const abort = new AbortController();
    context.addEventListener("abort", () => abort.abort());
    const name = word.text.replace(/^id:/, "");
    const things = suggestAddress && [...name].length >= (/[^\x00-\x7f]/.test(name) ? 1 : 2) && !name.includes(":") ? await offerThings(known, name, suggestAddress, abort.signal) : [];
    const afterType = /\ba\s+$|rdf:type\s+$/.test(context.state.sliceDoc(Math.max(0, word.from - 12), word.from));
    return {
      from: word.from,
      filter: things.length === 0,
      options: keepFitting([
        ...known.classes.map((term) => offer(known, term.name, term.label, "class", afterType ? 50 : 0)),
        ...known.properties.map((term) => offer(known, term.name, term.label, "property", afterType ? 0 : 10)),
        ...Object.keys(known.prefixes).map((prefix) => offer(known, `${prefix}:`, known.prefixes[prefix] ?? "", "namespace", -10)),
        ...(word.text.includes(":") ? [] : KEYWORDS.map((keyword) => ({ label: keyword, type: "keyword", boost: -20 }))),
      ], word.text, things),
    };
  };
}

/** CodeMirror filters by what is written; things were found by other names, so then all is filtered here. */
function keepFitting(options: Completion[], text: string, things: Completion[]): Completion[] {
  if (things.length === 0) return options;
  const wanted = text.toLowerCase();
  const fits = (option: Completion) => `${option.label} ${option.detail ?? ""}`.toLowerCase().includes(wanted);
  return [...options.filter(fits).sort((a, b) => (b.boost ?? 0) - (a.boost ?? 0)).slice(0, 20), ...things];
}
