/** Parts of pages that are written by tools, between two marks. */

/** `text` with what stands between the marks replaced. Throws Error when the marks are missing. */
export function withMarked(
  text: string,
  { begin, end, content }: { begin: string; end: string; content: string },
): string {
  const [before, rest] = text.split(begin);
  const [, after] = (rest ?? "").split(end);
  if (before === undefined || after === undefined) {
    throw new Error(`Cannot find the marks "${begin}" and "${end}"`);
  }
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}

/** The formatter aligns tables, which would make every change a change of every row. */
export function unformatted(table: string): string {
  return `<!-- deno-fmt-ignore -->\n\n${table}`;
}

/** Writes a page anew; with `--check` it only compares, and ends with `wrong` where they differ. */
export async function keepPage(
  file: URL,
  { anew, wrong }: { anew: (text: string) => string; wrong: string },
): Promise<void> {
  const text = await Deno.readTextFile(file);
  const wanted = anew(text);
  if (!Deno.args.includes("--check")) return await Deno.writeTextFile(file, wanted);
  if (text === wanted) Deno.exit(0);
  await Deno.stderr.write(new TextEncoder().encode(`${wrong}\n`));
  Deno.exit(1);
}
