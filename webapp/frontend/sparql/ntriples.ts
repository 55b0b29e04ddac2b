// Reads the N-Triples that this server writes (RDF 1.1 N-Triples, section 7), to draw a graph of them.
import type { Relation, Thing } from "../drawing/graph";

const TERM = String.raw`(<[^>]*>|_:\S+|"(?:[^"\\]|\\.)*"(?:@[\w-]+|\^\^<[^>]*>)?)`;
const LINE = new RegExp(String.raw`^${TERM}\s+(<[^>]*>)\s+${TERM}\s*\.\s*$`);
const NAMES = ["http://www.w3.org/2004/02/skos/core#prefLabel", "http://www.w3.org/2000/01/rdf-schema#label"];

export interface Drawn { readonly things: Thing[]; readonly relations: Relation[] }

/** Things and relations of a graph; names of things label them, all other literals become things. */
export function readTriples(text: string): Drawn {
  const triples = text.split("\n").map((line) => LINE.exec(line)).filter((match) => match !== null);
  const names = new Map<string, string>();
  const things = new Map<string, Thing>();
  const relations: Relation[] = [];
  for (const [, subject, predicate, object] of triples) {
    if (NAMES.includes(unwrap(predicate!)) && object!.startsWith('"')) {
      if (!names.has(subject!) || object!.endsWith("@en")) names.set(subject!, readLiteral(object!));
      continue;
    }
    relations.push({ from: subject!, to: object!, label: shortenIri(unwrap(predicate!)) });
    for (const term of [subject!, object!]) things.set(term, { id: term, label: "", href: findAddress(term) });
  }
  const labelled = [...things.values()].map((thing) => ({ ...thing, label: names.get(thing.id) ?? nameTerm(thing.id) }));
  return { things: labelled, relations };
}

function nameTerm(term: string): string {
  return term.startsWith('"') ? readLiteral(term) : term.startsWith("<") ? shortenIri(unwrap(term)) : term;
}

function readLiteral(term: string): string {
  const body = term.slice(1, term.lastIndexOf('"'));
  const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r" };
  return body.replace(/\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\(.)/g, (_, short, long, plain) =>
    plain ? (escapes[plain] ?? plain) : String.fromCodePoint(parseInt(short ?? long, 16)));
}

function unwrap(term: string): string {
  return term.slice(1, -1);
}

/** The last part of an IRI, which tells people what it means. */
export function shortenIri(iri: string): string {
  return /[^/#]+\/?$/.exec(iri)?.[0] ?? iri;
}

function findAddress(term: string): string {
  return /^<https?:/.test(term) ? unwrap(term) : "";
}
