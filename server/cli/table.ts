/** Tables without boxes: two spaces between columns, as wide as the terminal and no wider. */
import { styled, type Terminal } from "./terminal.ts";
import { cutText, safeText, textWidth } from "./text.ts";

export interface Column {
  header: string;
  align?: "left" | "right";
  /** Never cut: a number without its end is another number. */
  whole?: boolean;
}

const GAP = "  ";
/** A column cut below this says nothing any more; then the line is longer than the terminal. */
const COLUMN_CELLS_MIN = 8;

/** Takes cells from the widest column that may be cut until the line fits, or no column can. */
function fit(widths: number[], columns: readonly Column[], cells: number): number[] {
  const fitted = [...widths];
  let excess = fitted.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1)) -
    cells;
  while (excess > 0) {
    let widest = -1;
    fitted.forEach((width, index) => {
      if (columns[index]?.whole || width <= COLUMN_CELLS_MIN) return;
      if (widest < 0 || width > (fitted[widest] ?? 0)) widest = index;
    });
    if (widest < 0) break;
    fitted[widest] = (fitted[widest] ?? 0) - 1;
    excess--;
  }
  return fitted;
}

/**
 * The lines of a table, header first, without newlines. Cells may be hostile: they are made safe
 * here. `cells` is the width of the terminal; Infinity cuts nothing.
 */
export function layoutTable(
  table: { columns: readonly Column[]; rows: readonly (readonly string[])[] },
  cells: number,
): string[] {
  const { columns } = table;
  const rows = [columns.map((column) => column.header), ...table.rows]
    .map((row) => row.map(safeText));
  const widths = columns.map((_, index) =>
    rows.reduce((width, row) => Math.max(width, textWidth(row[index] ?? "")), 0)
  );
  const fitted = fit(widths, columns, cells);
  return rows.map((row) => {
    const parts = columns.map((column, index) => {
      const text = cutText(row[index] ?? "", fitted[index] ?? 0);
      const padding = " ".repeat(Math.max(0, (fitted[index] ?? 0) - textWidth(text)));
      return column.align === "right" ? padding + text : text + padding;
    });
    return parts.join(GAP).trimEnd();
  });
}

/** Prints a table as wide as the terminal, its first line set off. */
export function printTable(
  terminal: Terminal,
  { headers, rows }: { headers: readonly string[]; rows: readonly (readonly string[])[] },
): void {
  const columns = headers.map((header) => ({ header }));
  const [head = "", ...lines] = layoutTable({ columns, rows }, terminal.columns);
  terminal.out(`${[styled(terminal, "bold", head), ...lines].join("\n")}\n`);
}
