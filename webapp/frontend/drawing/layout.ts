// Where things and the names of relations stand in a drawing, so that no words lie over others.
import { forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";

/** A place for a rectangle: its middle, and half its sides, in pixels. */
export interface Box { readonly x: number; readonly y: number; readonly halfWidth: number; readonly halfHeight: number }
/** Something with a name below it: ``x`` and ``y`` are of its dot. */
export interface Placed extends SimulationNodeDatum { readonly id: string; readonly lines: readonly string[] }
export interface Joined<Node extends Placed> extends SimulationLinkDatum<Node> { readonly source: Node; readonly target: Node; readonly label: string }

export const LINE = 16;
const DOT = 12;
const LETTER = 7.3; // pixels of a letter at 13 px, on the safe side
const ROUNDS = 300;

/** Return the width of a line of text; letters of Chinese and Japanese are square. */
export function measure(text: string, letter = LETTER): number {
  return [...text].reduce((width, char) => width + (char > "\u2e7f" ? letter * 1.85 : letter), 0);
}

/** Return the rectangle that a thing takes with its name. */
export function findBox({ lines, x = 0, y = 0 }: Placed, letter = LETTER): Box {
  const below = DOT + 4 + lines.length * LINE;
  const halfWidth = Math.max(DOT, ...lines.map((line) => measure(line.trimEnd(), letter) / 2));
  return { x, y: y + (below - DOT) / 2, halfWidth, halfHeight: (below + DOT) / 2 };
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
    .force("y", forceY(0).strength(narrow ? 0.03 : 0.3))
    .stop();
  for (let round = 0; round < ROUNDS; round++) {
    simulation.tick();
    pushApart(nodes, width);
  }
  for (let round = 0; round < ROUNDS && pushApart(nodes, width); round++);
}

/** Move things whose rectangles overlap apart, the shorter way, and all into the width; return whether any moved. */
function pushApart(nodes: Placed[], width: number): boolean {
  let moved = false;
  for (const [i, one] of nodes.entries()) {
    const { halfWidth } = findBox(one);
    one.x = Math.min(Math.max(one.x!, halfWidth + 4), width - halfWidth - 4);
    for (const other of nodes.slice(i + 1)) {
      const [a, b] = [findBox(one), findBox(other)];
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const [over, above] = [a.halfWidth + b.halfWidth + 10 - Math.abs(dx), a.halfHeight + b.halfHeight + 14 - Math.abs(dy)];
      if (over <= 0 || above <= 0) continue;
      moved = true;
      const sideways = over < above && a.halfWidth + b.halfWidth + 20 < width / 2;
      const step = (sideways ? over * Math.sign(dx || 1) : above * Math.sign(dy || 1)) / 2;
      for (const [node, share] of [[one, -step], [other, step]] as const) {
        if (node.fx != null) continue; // the centre stays
        if (sideways) node.x! += share;
        else node.y! += share;
      }
    }
  }
  return moved;
}

function overlap(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth && Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight;
}

/** Return for each relation where its name is free to stand on its line; undefined where it is nowhere. */
export function placeNames<Node extends Placed>(nodes: readonly Node[], links: readonly Joined<Node>[], width: number): (Box | undefined)[] {
  const taken: Box[] = nodes.map((node) => findBox(node));
  return links.map(({ source, target, label }) => {
    const halfWidth = measure(label, 6.2) / 2 + 2;
    for (const along of [0.5, 0.58, 0.42, 0.66, 0.34, 0.74, 0.26]) {
      const box = { x: source.x! + (target.x! - source.x!) * along, y: source.y! + (target.y! - source.y!) * along, halfWidth, halfHeight: 8 };
      if (box.x < halfWidth || box.x > width - halfWidth || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      return box;
    }
    return undefined;
  });
}
