/** The declaration file for authors, as text: it is in the program, beside its source. */

export const DECLARATION_NAME = "monitor.d.ts";

const DECLARATION = new URL(`../${DECLARATION_NAME}`, import.meta.url);

export function declarationText(): Promise<string> {
  return Deno.readTextFile(DECLARATION);
}
