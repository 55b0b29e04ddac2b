// A bar for each row: what a column of words says, by what a column of numbers says.
import { scaleLinear } from "d3-scale";
import { findColumn, isOfKind, type Bindings, type Cell } from "../sparql/bindings";
import { link, shorten, svg } from "./svg";

export const MAX_BARS = 100;
const BAR = 28;

/** The column of names and that of numbers, or undefined where there are no two such columns. */
export function findAxes(bindings: Bindings): { names: number; numbers: number } | undefined {
  const numbers = findColumn(bindings, (column) => isOfKind(bindings, column, "number"));
  const fits = (kind: string) => findColumn(bindings, (column) => column !== numbers && isOfKind(bindings, column, kind));
  const names = ["text", "iri", "date", "number"].map(fits).find((column) => column >= 0) ?? -1;
  return numbers >= 0 && names >= 0 ? { names, numbers } : undefined;
}

/** Draw bars; ``width`` is the pixels that there are. */
export function drawChart(bindings: Bindings, label: string, width: number): SVGSVGElement | undefined {
  const labels = Math.min(250, Math.round(width * 0.4));
  const axes = findAxes(bindings);
  if (!axes) return undefined;
  const bars = bindings.rows.filter((row) => row[axes.numbers]!.text !== "").slice(0, MAX_BARS);
  const values = bars.map((row) => Number(row[axes.numbers]!.text));
  const scale = scaleLinear([Math.min(0, ...values), Math.max(0, ...values)], [0, width - labels - 70]).nice(5);
  const height = bars.length * BAR + 40;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "group", "aria-label": label });
  for (const tick of scale.ticks(width < 600 ? 3 : 5)) {
    const x = labels + scale(tick);
    drawing.append(
      svg("line", { x1: x, x2: x, y1: 28, y2: height, class: "grid" }),
      svg("text", { x, y: 18, "text-anchor": "middle", class: "tick", "aria-hidden": "true" }, tick.toLocaleString()),
    );
  }
  bars.forEach((row, i) => drawing.append(drawBar(row[axes.names]!, values[i]!, scale, labels, 30 + i * BAR)));
  return drawing;
}

function drawBar(name: Cell, value: number, scale: (value: number) => number, labels: number, y: number): SVGElement {
  const [zero, end] = [scale(0), scale(value)];
  const label = svg("text", { x: labels - 10, y: y + 17, "text-anchor": "end" }, shorten(name.text, Math.floor(labels / 7.3)));
  if (name.lang) label.setAttribute("lang", name.lang);
  const bar = svg("rect", { x: labels + Math.min(zero, end), y: y + 3, width: Math.max(Math.abs(end - zero), 1), height: BAR - 8, rx: 2, class: "bar" });
  const figure = svg("text", { x: labels + Math.max(zero, end) + 6, y: y + 17, class: "figure" }, value.toLocaleString());
  return svg("g", {}, svg("title", {}, `${name.text}: ${value.toLocaleString()}`), link(name.href, label), bar, figure);
}
