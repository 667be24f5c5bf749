import assert from "node:assert/strict";
import fc from "fast-check";
import { ownImports } from "../../agent/imports.ts";

/** Where the text imports anything, own or not. */
function importLine(text: string): number | undefined {
  const found = ownImports(text);
  return "refused" in found ? found.refused : found.imports[0]?.line;
}

const IMPORTS = [
  'import "./x.js";',
  'import x from "./x.js";',
  "import x from'./x.js'",
  'import{x}from"./x.js"',
  'import * as x from "./x.js";',
  'import x, { y } from "./x.js";',
  'import defer * as x from "./x.js";',
  'import source x from "./x.wasm";',
  'await import("./x.js")',
  'import ("./x.js")',
  'import/* a */ /* ( */("./x.js")',
  'import // to\n("./x.js")',
  'import\u2028("./x.js")',
  'import // (\u2028("./x.js")',
  "import.meta.url",
  "import . meta",
  "import(`./x.js`)",
  'export * from "./x.js";',
  'export * as x from "./x.js";',
  'export { x } from "./x.js";',
  "export{x as y}/**/from'./x.js'",
  'export { "}" as x } from "./x.js";',
  'import äö from "./x.js";',
  'import \\u{61} from "./x.js";',
  '/[/*]/; import("./x.js"); /[*/]/',
  'const s = "/*"; import("./x.js"); const t = "*/";',
  'const s = `//${import("./x.js")}`',
  "const x = import",
  "import /*",
];
for (const code of IMPORTS) {
  Deno.test(`ownImports() sees ${JSON.stringify(code)}`, () => {
    assert.equal(importLine(code), 1);
    assert.equal(importLine(`const a = 1;\n\n${code}`), 3);
  });
}

const HARMLESS = [
  "export const metric = {}; export function collect() {}",
  "export { collect };",
  "export {\n  collect,\n};\nconst from = 1;",
  "export default 1;",
  "// to import the data, and to export it",
  "// important: imports and exports",
  "const important = { import: 1, imports: 2 }; important_import;",
  '"from here": import_data("x");',
];
for (const code of HARMLESS) {
  Deno.test(`ownImports() lets ${JSON.stringify(code)} pass`, () => {
    assert.equal(importLine(code), undefined);
  });
}

Deno.test("ownImports() is not slow on texts made to be slow", () => {
  for (const part of ["import ", "import/*", "import//", "import a ", "export {", "import/**/"]) {
    importLine(part.repeat(128 * 1024 / part.length) + ";");
    importLine((part.replace("import", "import a/*") + "*/ b ").repeat(6_000));
  }
});

Deno.test("ownImports() finds an import in any surroundings", () => {
  const surroundings = fc.string({ unit: fc.constantFrom(..."ab/*\n\"'`{}()[];\\ =", "${") });
  fc.assert(fc.property(surroundings, surroundings, (before, after) => {
    assert.notEqual(importLine(`${before} import("x") ${after}`), undefined);
  }));
});

const OWN = [
  'import "./x.js";',
  'import x from "./x.js";',
  "import x from'./x.js'",
  'import{x}from"./x.js"',
  'import * as x from "../x.js";',
  'import x, { y as $z } from "./lib/x.js";',
  'import {\n  x,\n  y,\n} from "./x.js";',
  'export * from "./x.js";',
  'export { x as y } from "./x.js";',
  '// import x from "./x.js"',
];
for (const code of OWN) {
  Deno.test(`ownImports() takes ${JSON.stringify(code)}`, () => {
    const found = ownImports(`\n${code}`);
    assert.ok("imports" in found && found.imports.length === 1);
    const [{ specifier, from, to, line } = { specifier: "", from: 0, to: 0, line: 0 }] =
      found.imports;
    assert.match(specifier, /^\.\.?\/(lib\/)?x\.js$/);
    assert.equal(`\n${code}`.slice(from + 1, to - 1), specifier);
    assert.equal(line, 2);
  });
}

const FOREIGN = [
  'import x from "node:fs";',
  'import x from "x";',
  'import x from "/x.js";',
  'import x from "https://x.example/x.js";',
  'import x from "data:text/javascript,1";',
  'import x from "./x.js?a";',
  'import x from "./\\u{2e}.js";',
  'import /* a */ x from "./x.js";',
  'import { "a b" as x } from "./x.js";',
  'await import("./x.js");',
  "import.meta.url",
  'import x from "./x.js"; await import("./y.js")',
];
for (const code of FOREIGN) {
  Deno.test(`ownImports() refuses ${JSON.stringify(code)}`, () => {
    assert.deepEqual(ownImports(code), { refused: 1 });
  });
}
