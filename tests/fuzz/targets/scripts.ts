/** Collectors as text: which files they import (agent/imports.ts), and values of their options. */
import assert from "node:assert/strict";
import { ownImports } from "../../../agent/imports.ts";
import type { Target } from "../target.ts";
import { word } from "../words.ts";

const PIECES = ["import", "export", "from", "*", "{", "}", ",", "as", "a", '"./a.ts"', "'../b.ts'"]
  .concat(['"npm:x"', "(", ")", ";", "\n", " ", "/*", "*/", "//", "`", "const x = 1", "type", "."]);

export const target: Target = {
  seeds: [
    'import { a } from "./a.ts";\nexport * from "../b.ts";\nexport async function collect() {}\n',
    'import("./a.ts")',
    'export { a as "b } from" } from "./x.ts";',
  ],
  dictionary: PIECES,
  make: (rng) => rng.list(0, 60, () => rng.chance(0.9) ? rng.pick(PIECES) : word(rng)).join(" "),
  check(input) {
    const text = new TextDecoder().decode(input);
    const read = ownImports(text);
    const lines = text.split("\n").length;
    if ("refused" in read) {
      assert.ok(read.refused >= 1 && read.refused <= lines);
      return;
    }
    for (const { specifier, from, to, line } of read.imports) {
      assert.equal(text.slice(from + 1, to - 1), specifier);
      assert.ok(/^\.{1,2}\//.test(specifier) && line >= 1 && line <= lines);
    }
  },
};
