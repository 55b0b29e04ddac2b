// Things and the relations between them, laid out by forces. Each thing can be reached by the keyboard.
import { forceCenter, forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";
import { shorten, svg, wrap } from "./svg";

export interface Thing { readonly id: string; readonly label: string; readonly href: string; readonly lang?: string; readonly kind?: string }
/** ``claimed``: nobody asserts it as a fact, so it is drawn apart from facts. */
export interface Relation { readonly from: string; readonly to: string; readonly label: string; readonly claimed?: boolean }
interface Node extends SimulationNodeDatum, Thing {}
type Link = SimulationLinkDatum<Node> & { label: string; claimed: boolean; source: Node; target: Node };

export const MAX_THINGS = 150;
const WIDTH = 900;
const HEIGHT = 560;

export interface GraphOptions {
  readonly label: string;
  /** The thing in the middle. */
  readonly centre?: string;
  /** What activating a thing does; without it, a thing is a link to its page. */
  readonly activate?: (thing: Thing) => void;
}

/** Draw a graph of at most MAX_THINGS things. */
export function drawGraph(things: readonly Thing[], relations: readonly Relation[], options: GraphOptions): SVGSVGElement {
  const nodes: Node[] = things.slice(0, MAX_THINGS).map((thing) => ({ ...thing }));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const links = joinRelations(relations, byId);
  layOut(nodes, links, options.centre);
  const drawing = svg("svg", { viewBox: findFrame(nodes), class: "graph", role: "group", "aria-label": options.label });
  for (const relation of links) drawing.append(drawLink(relation));
  const drawn = nodes.map((node) => drawNode(node, links, options));
  drawing.append(...drawn);
  moveByArrows(drawing, drawn, nodes);
  return drawing;
}

/** Several relations between the same two things are one line with all their names. */
function joinRelations(relations: readonly Relation[], byId: Map<string, Node>): Link[] {
  const joined = new Map<string, Link>();
  for (const { from, to, label, claimed = false } of relations) {
    const [source, target] = [byId.get(from), byId.get(to)];
    if (!source || !target || source === target) continue;
    const key = `${from}\n${to}\n${claimed}`;
    const known = joined.get(key);
    if (known) known.label = known.label.split(", ").includes(label) ? known.label : `${known.label}, ${label}`;
    else joined.set(key, { source, target, label, claimed });
  }
  return [...joined.values()];
}

/** The layout is computed at once and not animated: nothing moves while it is read. */
function layOut(nodes: Node[], links: Link[], centre?: string): void {
  const middle = nodes.find((node) => node.id === centre);
  if (middle) [middle.fx, middle.fy] = [WIDTH / 2, HEIGHT / 2];
  forceSimulation(nodes)
    .force("links", forceLink<Node, Link>(links).id((node) => node.id).distance(150))
    .force("apart", forceManyBody().strength(-520))
    .force("collide", forceCollide(84))
    .force("centre", forceCenter(WIDTH / 2, HEIGHT / 2))
    .force("x", forceX(WIDTH / 2).strength(0.06))
    .force("y", forceY(HEIGHT / 2).strength(0.09))
    .stop()
    .tick(300);
  // Names are wider than high, so things may be nearer above one another than beside.
  for (const node of nodes) node.y = HEIGHT / 2 + (node.y! - HEIGHT / 2) * 0.6;
}

function findFrame(nodes: Node[]): string {
  const xs = nodes.map((node) => node.x ?? 0);
  const ys = nodes.map((node) => node.y ?? 0);
  const [left, top] = [Math.min(...xs, WIDTH / 2 - 250) - 90, Math.min(...ys, HEIGHT / 2 - 120) - 40];
  const [right, bottom] = [Math.max(...xs, WIDTH / 2 + 250) + 90, Math.max(...ys, HEIGHT / 2 + 120) + 50];
  return `${left} ${top} ${right - left} ${bottom - top}`;
}

function drawLink({ source, target, label, claimed }: Link): SVGElement {
  const [x1, y1, x2, y2] = [source.x!, source.y!, target.x!, target.y!];
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [ex, ey] = [x2 - ux * 13, y2 - uy * 13];
  const tip = `M${ex} ${ey} l${-ux * 8 - uy * 4} ${-uy * 8 + ux * 4} l${uy * 8} ${-ux * 8} z`;
  return svg("g", { class: claimed ? "relation claimed" : "relation" },
    svg("title", {}, `${source.label} – ${label} → ${target.label}`),
    svg("line", { x1, y1, x2: ex, y2: ey }), svg("path", { d: tip }),
    svg("text", { x: x1 + (x2 - x1) * 0.62, y: y1 + (y2 - y1) * 0.62 - 4, "text-anchor": "middle", "aria-hidden": "true" }, shorten(label, 22)));
}

function drawNode(node: Node, links: readonly Link[], options: GraphOptions): SVGElement {
  const around = links.filter((l) => l.source === node || l.target === node)
    .map((l) => (l.source === node ? `${l.label} → ${l.target.label}` : `${l.source.label} – ${l.label}`));
  const label = wrap(node.label, 0, 25, { "text-anchor": "middle", "aria-hidden": "true" });
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
