// The ways to look at an answer: the table or text that the server showed, and others where they fit.
import type { Relation, Thing } from "../drawing/graph";
import type { Spot } from "../drawing/map";
import { findColumn, isOfKind, readTable, type Bindings } from "./bindings";
import type { Words } from "./editor";

interface View { readonly id: string; readonly title: string; readonly show: () => Promise<Element> }

/** Give an answer its tabs (ARIA Authoring Practices, Tabs); what is drawn is loaded when it is first asked for. */
export function showViews(host: HTMLElement, words: Words, fetchText: (format: string) => Promise<string>): void {
  const first = host.firstElementChild!;
  const table = host.querySelector("table");
  const others = table ? findTableViews(host, readTable(table), words, fetchText) : findGraphViews(host, words, fetchText);
  if (table) makeSortable(table, words);
  const shown = { id: "table", title: table ? words.table! : "Turtle", show: async () => first };
  buildTabs(host, [shown, ...others], words);
}

function findTableViews(host: HTMLElement, bindings: Bindings, words: Words, fetchText: (format: string) => Promise<string>): View[] {
  const views: View[] = [{ id: "raw", title: words.raw!, show: async () => showText(JSON.stringify(JSON.parse(await fetchText("json")), null, 2)) }];
  const numbers = bindings.columns.some((_, column) => isOfKind(bindings, column, "number"));
  if (numbers && bindings.columns.length > 1 && bindings.rows.length > 1) {
    views.push({ id: "chart", title: words.chart!, show: async () => {
      const { drawChart, MAX_BARS } = await import("../drawing/chart");
      return frame(drawChart(bindings, words.chart!, host.clientWidth), bindings.rows.length > MAX_BARS ? words.more!.replace("{number}", `${MAX_BARS}`) : "");
    } });
  }
  const spots = findSpots(bindings);
  if (spots.length > 0) {
    views.push({ id: "map", title: words.map!, show: async () => frame((await import("../drawing/map")).drawMap(spots, words.map!, host.clientWidth)) });
  }
  const drawn = relateRows(bindings);
  if (drawn.relations.length > 0) views.push(drawingOf(host, words, async () => drawn));
  return views;
}

function findGraphViews(host: HTMLElement, words: Words, fetchText: (format: string) => Promise<string>): View[] {
  return [
    { id: "raw", title: "N-Triples", show: async () => showText(await fetchText("ntriples")) },
    drawingOf(host, words, async () => (await import("./ntriples")).readTriples(await fetchText("ntriples"))),
  ];
}

function drawingOf(host: HTMLElement, words: Words, read: () => Promise<{ things: Thing[]; relations: Relation[] }>): View {
  return { id: "graph", title: words.graph!, show: async () => {
    const [{ drawGraph, MAX_THINGS }, { things, relations }] = await Promise.all([import("../drawing/graph"), read()]);
    return frame(drawGraph(things, relations, { label: words.graph!, width: host.clientWidth }), things.length > MAX_THINGS ? words.more!.replace("{number}", `${MAX_THINGS}`) : "");
  } };
}

/** Rows as a graph: the first two columns of things are related by what stands between them, or side by side. */
export function relateRows({ columns, rows }: Bindings): { things: Thing[]; relations: Relation[] } {
  const bindings = { columns, rows };
  const iris = columns.map((_, column) => column).filter((column) => isOfKind(bindings, column, "iri"));
  if (iris.length < 2) return { things: [], relations: [] };
  const [from, to] = iris.length > 2 ? [iris[0]!, iris[2]!] : [iris[0]!, iris[1]!];
  const between = iris.length > 2 ? iris[1]! : -1;
  const things = new Map<string, Thing>();
  const relations: Relation[] = [];
  for (const row of rows) {
    const [subject, object] = [row[from]!, row[to]!];
    if (!subject.iri || !object.iri) continue;
    for (const cell of [subject, object]) things.set(cell.iri, { id: cell.iri, label: cell.text, href: cell.href, lang: cell.lang });
    relations.push({ from: subject.iri, to: object.iri, label: between < 0 ? columns[to]! : row[between]!.text });
  }
  return { things: [...things.values()], relations };
}

/** Rows as places: a column of latitudes and one of longitudes, known by their names. */
export function findSpots(bindings: Bindings): Spot[] {
  const named = (name: RegExp) => findColumn(bindings, (column) => name.test(bindings.columns[column]!) && isOfKind(bindings, column, "number"));
  const [latitude, longitude] = [named(/^lat/i), named(/^lo?ng?/i)];
  if (latitude < 0 || longitude < 0) return [];
  const naming = findColumn(bindings, (column) => column !== latitude && column !== longitude && !isOfKind(bindings, column, "number"));
  const link = findColumn(bindings, (column) => isOfKind(bindings, column, "iri"));
  return bindings.rows.filter((row) => row[latitude]!.text && row[longitude]!.text).map((row) => ({
    latitude: Number(row[latitude]!.text), longitude: Number(row[longitude]!.text),
    label: row[naming]?.text ?? "", lang: row[naming]?.lang, href: row[link]?.href ?? "",
  }));
}

function showText(text: string): Element {
  const element = document.createElement("pre");
  element.tabIndex = 0;
  element.textContent = text;
  return element;
}

function frame(drawing: Element | undefined, note = ""): Element {
  const figure = document.createElement("figure");
  figure.className = "drawing";
  if (drawing) figure.append(drawing);
  if (note) figure.append(Object.assign(document.createElement("figcaption"), { textContent: note }));
  return figure;
}

function buildTabs(host: HTMLElement, views: View[], words: Words): void {
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", words.views!);
  const panel = document.createElement("div");
  Object.assign(panel, { id: "view", tabIndex: -1 });
  panel.setAttribute("role", "tabpanel");
  const tabs = views.map((view) => {
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", id: `tab-${view.id}`, textContent: view.title });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    tab.addEventListener("click", () => void select(view));
    return tab;
  });
  const made = new Map<string, Element>();
  async function select(view: View): Promise<void> {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(views[i] === view));
      tab.tabIndex = views[i] === view ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `tab-${view.id}`);
    try {
      const content = made.get(view.id) ?? (await view.show());
      made.set(view.id, content);
      panel.replaceChildren(content);
    } catch {
      panel.textContent = words.failed!;
    }
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const here = tabs.indexOf(document.activeElement as HTMLButtonElement);
    const next = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step === undefined ? -1 : (here + step + tabs.length) % tabs.length;
    if (next < 0) return;
    event.preventDefault();
    tabs[next]!.focus();
    tabs[next]!.click();
  });
  list.append(...tabs);
  host.replaceChildren(list, panel);
  void select(views[0]!);
}

/** Let the heads of columns sort the rows that are shown. */
function makeSortable(table: HTMLTableElement, words: Words): void {
  const heads = [...table.tHead!.rows[0]!.cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "sort", textContent: head.textContent, title: words.sort! });
    head.dataset.name = head.textContent ?? "";
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sortRows(table, column, down ? -1 : 1);
    });
    head.replaceChildren(button);
  });
}

function sortRows(table: HTMLTableElement, column: number, sign: number): void {
  const body = table.tBodies[0]!;
  const text = (row: HTMLTableRowElement) => row.cells[column]?.textContent ?? "";
  const compare = (a: string, b: string) => (a !== "" && b !== "" && !isNaN(+a) && !isNaN(+b) ? +a - +b : a.localeCompare(b));
  body.append(...[...body.rows].sort((a, b) => sign * compare(text(a), text(b))));
}

