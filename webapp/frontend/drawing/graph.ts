// Things and the relations between them, laid out by forces. Each thing can be reached by the keyboard.
import { findBox, findReach, layOut, LINE, placeNames, type Box, type Joined, type Placed } from "./layout";
import { breakLines, shorten, svg } from "./svg";

export interface Thing { readonly id: string; readonly label: string; readonly href: string; readonly lang?: string; readonly kind?: string }
/** ``claimed``: the words that say that nobody asserts it as a fact; it is drawn apart from facts. */
export interface Relation { readonly from: string; readonly to: string; readonly label: string; readonly claimed?: string }
interface Node extends Placed, Thing { readonly lines: readonly string[] }
type Link = Joined<Node> & { label: string; readonly claimed: string };

export const MAX_THINGS = 150;
const MIN_WIDTH = 320; // pixels
const MAX_WIDTH = 1200;

export interface GraphOptions {
  readonly label: string;
  /** Pixels that there are for it; it is as high as it has to be, and at least ``height``. */
  readonly width: number;
  readonly height?: number;
  /** The thing in the middle. */
  readonly centre?: string;
  /** What activating a thing does; without it, a thing is a link to its page. */
  readonly activate?: (thing: Thing) => void;
}

/** Draw a graph of at most MAX_THINGS things. */
export function drawGraph(things: readonly Thing[], relations: readonly Relation[], options: GraphOptions): SVGSVGElement {
  const width = Math.min(Math.max(options.width, MIN_WIDTH), MAX_WIDTH);
  const nodes: Node[] = things.slice(0, MAX_THINGS).map((thing) => {
    const lines = breakLines(thing.label);
    return { ...thing, ...findReach(lines, thing.id === options.centre), lines };
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const links = joinRelations(relations, byId);
  layOut(nodes, links, width, options.centre);
  const boxes = nodes.map((node) => findBox(node));
  const [top, bottom] = [Math.min(...boxes.map((box) => box.y - box.halfHeight)) - 16, Math.max(...boxes.map((box) => box.y + box.halfHeight)) + 16];
  const height = Math.max(bottom - top, options.height ?? 0);
  const drawing = svg("svg", { viewBox: `0 ${(top + bottom - height) / 2} ${width} ${height}`, class: "graph", role: "group", "aria-label": options.label });
  const names = placeNames(nodes, links, width);
  const lines = links.map((link, i) => drawLink(link, names[i]));
  const drawn = nodes.map((node) => drawNode(node, links, options));
  drawing.append(...lines, ...drawn);
  drawn.forEach((element, i) => showRelations(element, lines.filter((_, n) => links[n]!.source === nodes[i] || links[n]!.target === nodes[i])));
  moveByArrows(drawing, drawn, nodes);
  return drawing;
}

/** Several relations between the same two things are one line with all their names. */
function joinRelations(relations: readonly Relation[], byId: Map<string, Node>): Link[] {
  const joined = new Map<string, Link>();
  for (const { from, to, label, claimed = "" } of relations) {
    const [source, target] = [byId.get(from), byId.get(to)];
    if (!source || !target || source === target) continue;
    const key = `${from}\n${to}\n${claimed}`;
    const known = joined.get(key);
    if (known) known.label = known.label.split(", ").includes(label) ? known.label : `${known.label}, ${label}`;
    else joined.set(key, { source, target, label, claimed });
  }
  return [...joined.values()];
}

/** The relations of a thing stand out while the pointer or the focus is on it, with names that had no room. */
function showRelations(element: SVGElement, lines: readonly SVGElement[]): void {
  for (const [event, near] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]] as const) {
    element.addEventListener(event, () => lines.forEach((line) => line.classList.toggle("near", near)));
  }
}

function sayRelation({ label, claimed }: Link): string {
  return claimed ? `${label} (${claimed})` : label;
}

function drawLink(link: Link, place?: Box): SVGElement {
  const { source, target, label, claimed } = link;
  const [x1, y1, x2, y2] = [source.x!, source.y!, target.x!, target.y!];
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [ex, ey] = [x2 - ux * 13, y2 - uy * 13];
  const tip = `M${ex} ${ey} l${-ux * 8 - uy * 4} ${-uy * 8 + ux * 4} l${uy * 8} ${-ux * 8} z`;
  const { x, y } = place ?? { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  return svg("g", { class: `relation${claimed ? " claimed" : ""}${place ? "" : " crowded"}` },
    svg("title", {}, `${source.label} – ${sayRelation(link)} → ${target.label}`),
    svg("line", { x1, y1, x2: ex, y2: ey }), svg("path", { d: tip }),
    svg("text", { x, y: y + 4, "text-anchor": "middle", "aria-hidden": "true" }, shorten(label, 40)));
}

function drawNode(node: Node, links: readonly Link[], options: GraphOptions): SVGElement {
  const around = links.filter((l) => l.source === node || l.target === node)
    .map((l) => (l.source === node ? `${sayRelation(l)} → ${l.target.label}` : `${l.source.label} – ${sayRelation(l)}`));
  const lines = node.lines.map((line, i) => svg("tspan", { x: 0, y: 26 + i * LINE }, line));
  const label = svg("text", { "text-anchor": "middle", "aria-hidden": "true" }, ...lines);
  if (node.lang) label.setAttribute("lang", node.lang);
  const attributes = {
    class: `thing ${node.kind ?? ""}${node.id === options.centre ? " centre" : ""}`, transform: `translate(${node.x} ${node.y})`,
    "aria-label": [node.label, ...around.slice(0, 8)].join("; "), "data-id": node.id,
  };
  const parts = [svg("title", {}, node.label), svg("circle", { r: node.id === options.centre ? 12 : 9 }), label];
  if (!options.activate) {
    const safe = /^(https?:\/\/|\/)/.test(node.href);
    return svg("a", safe ? { ...attributes, href: node.href } : { ...attributes, tabindex: 0, role: "img" }, ...parts);
  }
  const { activate } = options;
  const button = svg("g", { ...attributes, tabindex: 0, role: "button" }, ...parts);
  button.addEventListener("click", () => activate(node));
  button.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); activate(node); }
  });
  return button;
}

/** Arrow keys go to the next thing in that direction. */
function moveByArrows(drawing: SVGSVGElement, drawn: SVGElement[], nodes: Node[]): void {
  const directions: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  drawing.addEventListener("keydown", (event) => {
    const direction = directions[event.key];
    const here = nodes[drawn.findIndex((element) => element === document.activeElement)];
    if (!direction || !here) return;
    event.preventDefault();
    let best = -1;
    let least = Infinity;
    nodes.forEach((node, i) => {
      const [dx, dy] = [node.x! - here.x!, node.y! - here.y!];
      const along = dx * direction[0] + dy * direction[1];
      const cost = along + 2 * Math.abs(dx * direction[1] + dy * direction[0]);
      if (node !== here && along > 1 && cost < least) [best, least] = [i, cost];
    });
    drawn[best]?.focus();
  });
}
