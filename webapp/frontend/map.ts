// The map page: the places of its table, drawn.
import { drawMap } from "./drawing/map";

const host = document.querySelector<HTMLElement>("#drawing")!;
const rows = [...document.querySelectorAll<HTMLTableRowElement>("#places tbody tr")];
const spots = rows.map((row) => {
  const link = row.querySelector("a")!;
  return {
    label: link.textContent ?? "", lang: link.lang, href: link.getAttribute("href") ?? "",
    latitude: Number(row.dataset.latitude), longitude: Number(row.dataset.longitude),
  };
});
host.className = "drawing";
host.append(drawMap(spots, host.dataset.label ?? "", host.clientWidth));
