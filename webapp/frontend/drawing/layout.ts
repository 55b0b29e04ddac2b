// Where things and the names of relations stand in a drawing, so that no words lie over others.
import { forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";

/** A place for a rectangle: its middle, and half its sides, in pixels. */
export interface Box { readonly x: number; readonly y: number; readonly halfWidth: number; readonly halfHeight: number }
/** How far a thing with the name below it reaches from its dot: to either side, and down. */
export interface Reach { readonly aside: number; readonly below: number }
/** A thing: ``x`` and ``y`` are of its dot. */
export interface Placed extends SimulationNodeDatum, Reach { readonly id: string }
export interface Joined<Node extends Placed> extends SimulationLinkDatum<Node> { readonly source: Node; readonly target: Node; readonly label: string }

export const LINE = 16;
const DOT = 12;
const LETTER = 7.3; // pixels of a letter at 13 px, on the safe side
const BOLD_LETTER = 8.4;
const SMALL_LETTER = 6.4; // at 11.5 px
const ROUNDS = 300;

/** Return the width of a line of text, in pixels; letters of Chinese and Japanese are square. */
function measure(text: string, letter: number): number {
  return [...text].reduce((width, char) => width + (char > "\u2e7f" ? letter * 1.85 : letter), 0);
}

/** Return how far a thing reaches whose name has these lines. */
export function findReach(lines: readonly string[], bold = false): Reach {
  const aside = Math.max(DOT, ...lines.map((line) => measure(line.trimEnd(), bold ? BOLD_LETTER : LETTER) / 2));
  return { aside, below: DOT + 4 + lines.length * LINE };
}

/** Return the rectangle that a thing takes with its name. */
export function findBox({ aside, below, x = 0, y = 0 }: Placed): Box {
  return { x, y: y + (below - DOT) / 2, halfWidth: aside, halfHeight: (below + DOT) / 2 };
}

/**
 * Give each thing a place within a width, the centre in the middle; the height follows.
 * The layout is computed at once and not animated: nothing moves while it is read.
 */
export function layOut<Node extends Placed>(nodes: Node[], links: Joined<Node>[], width: number, centre?: string): void {
  const middle = nodes.find((node) => node.id === centre);
  if (middle) [middle.fx, middle.fy] = [width / 2, 0];
  const narrow = width < 600;
  const simulation = forceSimulation(nodes)
    .force("links", forceLink<Node, Joined<Node>>(links).id((node) => node.id).distance(narrow ? 110 : 230).strength(narrow ? 0.1 : 0.2))
    .force("apart", forceManyBody().strength(narrow ? -260 : -900))
    .force("x", forceX(width / 2).strength(narrow ? 0.05 : 0.02))
    .force("y", forceY(0).strength(narrow ? 0.03 : 0.14))
    .stop();
  for (let round = 0; round < ROUNDS; round++) {
    simulation.tick();
    if (round % 5 === 0) pushApart(nodes, width);
  }
  settle(nodes, width);
}

/** Move things whose rectangles overlap apart, the shorter way, and all into the width. */
function pushApart(nodes: Placed[], width: number): void {
  for (const [i, one] of nodes.entries()) {
    one.x = Math.min(Math.max(one.x!, one.aside + 4), width - one.aside - 4);
    for (const other of nodes.slice(i + 1)) {
      const [a, b] = [findBox(one), findBox(other)];
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const [over, above] = [a.halfWidth + b.halfWidth + 10 - Math.abs(dx), a.halfHeight + b.halfHeight + 14 - Math.abs(dy)];
      if (over <= 0 || above <= 0) continue;
      const sideways = over < above && a.halfWidth + b.halfWidth + 20 < width / 2;
      const step = (sideways ? over * Math.sign(dx || 1) : above * Math.sign(dy || 1)) / 2;
      for (const [node, share] of [[one, -step], [other, step]] as const) {
        if (node.fx != null) continue; // the centre stays
        if (sideways) node.x! += share;
        else node.y! += share;
      }
    }
  }
}

/** From the middle outwards, move each thing up or down to where it lies over none of those before it. */
function settle(nodes: Placed[], width: number): void {
  const settled: Box[] = [];
  const rank = (node: Placed) => (node.fx != null ? -1 : Math.abs(node.y!));
  for (const node of [...nodes].sort((a, b) => rank(a) - rank(b))) {
    node.x = Math.min(Math.max(node.x!, node.aside + 4), width - node.aside - 4);
    const away = node.y! < 0 ? -1 : 1;
    let box = findBox(node);
    for (let below = findOver(box, settled); below; below = findOver(box, settled)) {
      node.y! += below.y + away * (below.halfHeight + box.halfHeight + 8) - box.y;
      box = findBox(node);
    }
    settled.push(box);
  }
}

function findOver(box: Box, others: readonly Box[]): Box | undefined {
  return others.find((other) => Math.abs(box.x - other.x) < box.halfWidth + other.halfWidth && Math.abs(box.y - other.y) < box.halfHeight + other.halfHeight);
}

/** Return for each relation where its name is free to stand on its line; undefined where it is nowhere. */
export function placeNames<Node extends Placed>(nodes: readonly Node[], links: readonly Joined<Node>[], width: number): (Box | undefined)[] {
  const taken: Box[] = nodes.map((node) => findBox(node));
  return links.map(({ source, target, label }) => {
    const halfWidth = measure(label, SMALL_LETTER) / 2 + 2;
    for (const along of [0.5, 0.58, 0.42, 0.66, 0.34, 0.74, 0.26]) {
      const box = { x: source.x! + (target.x! - source.x!) * along, y: source.y! + (target.y! - source.y!) * along, halfWidth, halfHeight: 8 };
      if (box.x < halfWidth || box.x > width - halfWidth || findOver(box, taken)) continue;
      taken.push(box);
      return box;
    }
    return undefined;
  });
}
