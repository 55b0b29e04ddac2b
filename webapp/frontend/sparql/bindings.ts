// The answer that the server showed as a table, read back from the page: nothing is asked twice.

export interface Cell { readonly text: string; readonly iri: string; readonly href: string; readonly kind: string; readonly lang: string }
export interface Bindings { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] }

export function readTable(table: HTMLTableElement): Bindings {
  const columns = [...table.tHead!.rows[0]!.cells].map((cell) => cell.dataset.name ?? cell.textContent ?? "");
  const rows = [...table.tBodies[0]!.rows].map((row) => [...row.cells].map(readCell));
  return { columns, rows };
}

function readCell(cell: HTMLTableCellElement): Cell {
  const link = cell.querySelector("a");
  const short = cell.querySelector(".short");
  const text = (link ?? (short ? cell.firstChild : cell))?.textContent?.trim() ?? "";
  return { text, iri: cell.dataset.iri ?? "", href: link?.getAttribute("href") ?? "", kind: cell.dataset.kind ?? "text", lang: cell.lang };
}

/** Whether all cells of a column that hold anything are of a kind, and at least one is. */
export function isOfKind(bindings: Bindings, column: number, kind: string): boolean {
  const filled = bindings.rows.map((row) => row[column]!).filter((cell) => cell.text !== "");
  return filled.length > 0 && filled.every((cell) => cell.kind === kind);
}

/** The column of that kind that comes first, or -1. */
export function findColumn(bindings: Bindings, test: (column: number) => boolean): number {
  return bindings.columns.findIndex((_, column) => test(column));
}
