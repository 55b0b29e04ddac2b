// Places on a map of the world; the outlines are part of the bundle (world-atlas, from Natural Earth).
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import outlines from "world-atlas/countries-110m.json";
import { svg } from "./svg";

export interface Spot { readonly label: string; readonly latitude: number; readonly longitude: number; readonly href: string; readonly lang?: string }

/** Draw spots; ``width`` is the pixels that there are. */
export function drawMap(spots: readonly Spot[], label: string, width: number): SVGSVGElement {
  const height = Math.max(280, Math.round(width / 2));
  const world = outlines as unknown as Topology<{ countries: GeometryCollection }>;
  const countries = feature(world, world.objects.countries);
  const points = { type: "MultiPoint" as const, coordinates: spots.map((spot) => [spot.longitude, spot.latitude]) };
  const projection = geoNaturalEarth1().fitExtent([[10, 10], [width - 10, height - 10]], { type: "Sphere" });
  fitToSpots(projection, points.coordinates as [number, number][], width, height);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "map", role: "group", "aria-label": label });
  drawing.append(svg("path", { d: geoPath(projection)(countries) ?? "", class: "land" }));
  for (const spot of spots) drawing.append(drawSpot(spot, projection([spot.longitude, spot.latitude]) ?? [0, 0]));
  return drawing;
}

/** Show the part of the world where the spots are, with room around them. */
function fitToSpots(projection: ReturnType<typeof geoNaturalEarth1>, spots: readonly [number, number][], width: number, height: number): void {
  if (spots.length === 0) return;
  const longitudes = spots.map(([longitude]) => longitude);
  const latitudes = spots.map(([, latitude]) => latitude);
  const span = Math.max(Math.max(...longitudes) - Math.min(...longitudes), 1.6 * (Math.max(...latitudes) - Math.min(...latitudes)), 22);
  if (span > 150) return;
  const centre: [number, number] = [mid(longitudes), mid(latitudes)];
  projection.rotate([-centre[0], 0]).center([0, centre[1]]).translate([width / 2, height / 2]).scale((width / span) * 28);
}

function mid(values: number[]): number {
  return (Math.min(...values) + Math.max(...values)) / 2;
}

function drawSpot(spot: Spot, [x, y]: [number, number]): SVGElement {
  const label = svg("text", { x: 11, y: 5 }, spot.label);
  if (spot.lang) label.setAttribute("lang", spot.lang);
  const safe = /^(https?:\/\/|\/)/.test(spot.href);
  const group = svg("a", { class: "spot", transform: `translate(${x} ${y})`, ...(safe ? { href: spot.href } : {}) });
  group.append(svg("title", {}, `${spot.label} (${spot.latitude.toFixed(2)}, ${spot.longitude.toFixed(2)})`), svg("circle", { r: 6 }), label);
  return group;
}
