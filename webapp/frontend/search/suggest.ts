// Asks the server for things whose names complete what was typed (docs/http.md, "Search").

export interface Words { readonly text: string; readonly lang: string }
export interface Piece { readonly text: string; readonly marked: boolean }
export interface Suggestion {
  readonly iri: string;
  readonly href: string;
  readonly name: Words;
  readonly types: readonly Words[];
  readonly match: { readonly text: string; readonly lang: string; readonly pieces: readonly Piece[] };
}

/** Return suggestions in the order of the server; raises where it does not answer with them. */
export async function suggest(address: string, words: string, signal: AbortSignal): Promise<readonly Suggestion[]> {
  const url = new URL(address, location.href);
  url.searchParams.set("q", words);
  const answer = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return ((await answer.json()) as { suggestions: Suggestion[] }).suggestions;
}
