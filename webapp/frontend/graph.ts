// The graph around a thing: what the list says, drawn; a thing that is activated adds what surrounds it.
import { drawGraph, MAX_THINGS, type Relation, type Thing } from "./drawing/graph";

interface Neighbour { readonly key: string; readonly label: string; readonly outgoing: boolean; readonly claimed: boolean; readonly iri: string; readonly name: string; readonly lang: string; readonly href: string }
interface Neighbourhood { readonly iri: string; readonly label: string; readonly lang: string; readonly href: string; readonly relations: readonly Neighbour[] }
type Kept = Relation & { key: string };

const form = document.querySelector<HTMLFormElement>("#filter")!;
const host = document.querySelector<HTMLElement>("#drawing")!;
const words = JSON.parse(document.querySelector("#graph-words")!.textContent!) as Record<string, string>;
const things = new Map<string, Thing>();
const relations: Kept[] = [];
const expanded = new Set<string>();
let centre = "";

const hint = Object.assign(document.createElement("p"), { className: "hint", textContent: words.hint });
const figure = Object.assign(document.createElement("figure"), { className: "drawing", id: "around" });
const status = Object.assign(document.createElement("p"), { className: "status" });
status.setAttribute("role", "status");
const legend = Object.assign(document.createElement("p"), { className: "hint legend", textContent: words.claimed });
host.append(hint, figure, legend, status);
form.addEventListener("change", draw);
form.classList.add("at-once"); // by the script itself: where it did not arrive, the button is needed
void start();

async function start(): Promise<void> {
  try {
    const found = await fetchAround(form.dataset.source!);
    centre = found.iri;
    add(found);
    draw();
  } catch {
    status.textContent = words.failed!;
  }
}

async function fetchAround(address: string): Promise<Neighbourhood> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()) as Neighbourhood;
}

/** Add a neighbourhood, and return how many things are new. */
function add(found: Neighbourhood): number {
  const before = things.size;
  if (!things.has(found.iri)) things.set(found.iri, { id: found.iri, label: found.label, lang: found.lang, href: found.href });
  expanded.add(found.iri);
  for (const { key, label, outgoing, claimed, iri, name, lang, href } of found.relations) {
    if (!things.has(iri)) things.set(iri, { id: iri, label: name, lang, href });
    const [from, to] = outgoing ? [found.iri, iri] : [iri, found.iri];
    const known = relations.some((r) => r.from === from && r.to === to && r.key === key);
    if (!known) relations.push({ from, to, key, label, claimed: claimed ? words.claimed! : "" });
  }
  return things.size - before;
}

/** The relations whose boxes are ticked, or that no box is about. */
function findShown(): Kept[] {
  const boxes = [...form.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
  const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  for (const list of document.querySelectorAll<HTMLElement>("#relations [data-key]")) list.hidden = off.has(list.dataset.key!);
  return relations.filter((relation) => !off.has(relation.key));
}

function draw(): void {
  const shown = findShown();
  const met = new Set([centre, ...shown.flatMap(({ from, to }) => [from, to])]);
  const drawn = [...things.values()].filter((thing) => met.has(thing.id));
  const focused = document.activeElement?.getAttribute("data-id");
  figure.replaceChildren(drawGraph(drawn, shown, { label: words.graph!, width: figure.clientWidth, height: innerHeight * 0.7, centre, activate: expand }));
  legend.hidden = !shown.some((relation) => relation.claimed);
  if (drawn.length > MAX_THINGS) figure.append(Object.assign(document.createElement("figcaption"), { textContent: words.more!.replace("{number}", `${MAX_THINGS}`) }));
  if (focused) figure.querySelector<SVGElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

async function expand(thing: Thing): Promise<void> {
  let said = "";
  try {
    if (!expanded.has(thing.id)) {
      const found = await fetchAround(thing.href.replace("/page/", "/graph/"));
      const number = add(found);
      said = number > 0 ? words.added!.replace("{number}", `${number}`) : words.none!;
      list(found);
      draw();
    }
  } catch {
    said = words.failed!;
  }
  const link = Object.assign(document.createElement("a"), { href: thing.href, textContent: words.page! });
  status.replaceChildren(Object.assign(document.createElement("b"), { textContent: thing.label, lang: thing.lang ?? "" }), ` ${said} `, link);
}

/** What was added stands in the list as well. */
function list(found: Neighbourhood): void {
  const section = document.createElement("section");
  section.append(Object.assign(document.createElement("h3"), { textContent: found.label, lang: found.lang }));
  const items = found.relations.map(({ label, name, lang, href, outgoing, claimed }) => {
    const item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href, textContent: name, lang });
    item.append(outgoing ? `${label}: ` : `← ${label}: `, link, claimed ? ` (${words.claimed})` : "");
    return item;
  });
  const entries = document.createElement("ul");
  entries.append(...items);
  section.append(entries);
  document.querySelector("#relations")!.append(section);
}
