/** Attacks that want to read what was not granted: by API, by import, by code from strings. */
import type { Attack } from "./world.ts";

const text = (value: string) => JSON.stringify(value);
const url = (path: string) => text(`file://${path}`);

/** Whatever can be named is tried under all names. */
const read = (name: string, code: Attack["code"], more: Partial<Attack> = {}): Attack => ({
  name: `read ${name}`,
  code,
  ...more,
});

const API: Attack[] = [
  read("text", ({ secret }) => `return shown(await Deno.readTextFile(${text(secret)}));`),
  read("text sync", ({ secret }) => `return shown(Deno.readTextFileSync(${text(secret)}));`),
  read("bytes", ({ secret }) => `return shown(await Deno.readFile(${text(secret)}));`),
  read(
    "open",
    ({ secret }) =>
      `const file = await Deno.open(${text(secret)}); const bytes = new Uint8Array(99);` +
      ` await file.read(bytes); return shown(bytes);`,
  ),
  read("url", ({ secret }) => `return shown(await Deno.readTextFile(new URL(${url(secret)})));`),
  read("folder", ({ empty_dir }) => `return [...Deno.readDirSync(${text(empty_dir)})].length + 1;`),
  read("stat", ({ secret }) => `return Deno.statSync(${text(secret)}).size;`),
  read("lstat", ({ secret }) => `return Deno.lstatSync(${text(secret)}).size;`),
  read("realpath", ({ secret }) => `return Deno.realPathSync(${text(secret)}).length;`),
  read(
    "link",
    ({ granted_dir }) => `return shown(Deno.readLinkSync(${text(`${granted_dir}/link`)}));`,
  ),
  read("fetch", ({ secret }) => `return shown(await (await fetch(${url(secret)})).text());`),
  read(
    "wasm stream",
    ({ secret_wasm }) =>
      `const module = await WebAssembly.compileStreaming(fetch(${url(secret_wasm)}));` +
      ` return shown(new Uint8Array(WebAssembly.Module.customSections(module, "s")[0]));`,
  ),
  read(
    "copy",
    ({ secret, writable_dir }) =>
      `await Deno.copyFile(${text(secret)}, ${text(`${writable_dir}/copy`)});` +
      ` return shown(await Deno.readTextFile(${text(`${writable_dir}/copy`)}));`,
    {
      permissions: ({ writable_dir }) => ({ read: [writable_dir], write: [writable_dir] }),
    },
  ),
  read("environ", () => `return shown(Deno.readTextFileSync("/proc/self/environ"));`),
  read("memory", () => `return Deno.openSync("/proc/self/mem") ? 1 : 0;`),
  read(
    "descriptors",
    () =>
      `let n = 0; for (let fd = 0; fd < 64; fd++) { try { Deno.openSync("/dev/fd/" + fd); n++; }` +
      ` catch { /* refused */ } } return n;`,
  ),
  read("passwd", () => `return Deno.readTextFileSync("/etc/passwd").length;`),
  read("environment", () => `return Object.keys(Deno.env.toObject()).length;`),
  read("variable", () => `return shown(Deno.env.get("MONITOR_TEST_SECRET"));`),
  read("process env", () => `return shown(process.env.MONITOR_TEST_SECRET);`),
  read("program path", () => `return Deno.execPath().length;`),
];

/** By links in a granted folder, with objects that say something else each time they are asked. */
const LINKED: [name: string, code: Attack["code"]][] = [
  [
    "a fetched link",
    ({ granted_dir }) => `return shown(await (await fetch(${url(`${granted_dir}/link`)})).text());`,
  ],
  [
    "a fetched object",
    ({ granted_dir }) =>
      `let n = 0; const toString = () => n++ < 1 ? "data:,x" : ${url(`${granted_dir}/link`)};` +
      ` const text = await (await fetch({ toString })).text(); return text === "x" ? 0 : shown(text);`,
  ],
  [
    "a fetched request",
    ({ granted_dir }) =>
      `const request = new Request(${url(`${granted_dir}/link`)});` +
      ` Object.defineProperty(request, "url", { value: "data:,x" });` +
      ` const text = await (await fetch(request)).text(); return text === "x" ? 0 : shown(text);`,
  ],
  [
    "a fetched URL that lies",
    ({ granted_dir }) =>
      `class Lie extends URL { get protocol() { return "http:"; } }` +
      ` return shown(await (await fetch(new Lie(${url(`${granted_dir}/link`)}))).text());`,
  ],
  [
    "a URL that changes",
    ({ granted_dir }) =>
      `class Lie extends URL { n = 0; get pathname() {` +
      ` return this.n++ < 2 ? ${text(granted_dir)} : super.pathname; } }` +
      ` return shown(Deno.readTextFileSync(new Lie(${url(`${granted_dir}/link`)})));`,
  ],
  [
    "an object for a path",
    ({ granted_dir }) =>
      `const toString = () => ${text(`${granted_dir}/link`)};` +
      ` return shown(Deno.readTextFileSync({ toString }));`,
  ],
  [
    "where a link leads",
    ({ granted_dir }) => `return Deno.realPathSync(${text(`${granted_dir}/link`)}).length;`,
  ],
  [
    "lstat behind a link",
    ({ granted_dir }) =>
      `return Deno.lstatSync(${text(`${granted_dir}/outer_link/secret.txt`)}).size;`,
  ],
  [
    "a hard link behind a link",
    ({ granted_dir }) =>
      `Deno.linkSync(${text(`${granted_dir}/outer_link/secret.txt`)}, ${
        text(`${granted_dir}/hard`)
      });` +
      ` return shown(Deno.readTextFileSync(${text(`${granted_dir}/hard`)}));`,
  ],
];

const GRANTED: Attack[] = [
  read("beside", ({ secret }) => `return shown(Deno.readTextFileSync(${text(secret)}));`, {
    permissions: ({ granted }) => ({ read: [granted] }),
  }),
  read(
    "dots",
    ({ granted_dir }) =>
      `return shown(Deno.readTextFileSync(${text(`${granted_dir}/../secret.txt`)}));`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir] }),
    },
  ),
  read(
    "through a link",
    ({ granted_dir }) => `return shown(Deno.readTextFileSync(${text(`${granted_dir}/link`)}));`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir] }),
    },
  ),
  ...LINKED.map(([name, code]) =>
    read(name, code, {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    })
  ),
  read(
    "by a new link",
    ({ secret, writable_dir }) =>
      `Deno.symlinkSync(${text(secret)}, ${text(`${writable_dir}/new`)});` +
      ` return shown(Deno.readTextFileSync(${text(`${writable_dir}/new`)}));`,
    {
      permissions: ({ writable_dir }) => ({ read: [writable_dir], write: [writable_dir] }),
    },
  ),
  read(
    "by a hard link",
    ({ secret, writable_dir }) =>
      `Deno.linkSync(${text(secret)}, ${text(`${writable_dir}/hard`)});` +
      ` return shown(Deno.readTextFileSync(${text(`${writable_dir}/hard`)}));`,
    {
      permissions: ({ writable_dir }) => ({ read: [writable_dir], write: [writable_dir] }),
    },
  ),
  read(
    "by moving it",
    ({ secret, writable_dir }) =>
      `Deno.renameSync(${text(secret)}, ${text(`${writable_dir}/moved`)});` +
      ` return shown(Deno.readTextFileSync(${text(`${writable_dir}/moved`)}));`,
    {
      permissions: ({ writable_dir }) => ({ read: [writable_dir], write: [writable_dir] }),
    },
  ),
  read("host files", () => `return shown(await host.read("/etc/passwd"));`),
  read("host dots", () => `return shown(await host.read("/proc/../etc/passwd"));`),
  read("host environ", () => `return shown(await host.read("/proc/self/environ"));`),
  read("host folder", () => `return (await host.list("/root")).length + 1;`),
  read("host folders dots", () => `return (await host.list("/sys/block/..")).length + 1;`),
  read(
    "by asking",
    () => `return (await Deno.permissions.request({ name: "read" })).state === "granted" ? 1 : 0;`,
  ),
];

const imported = (name: string, code: Attack["code"]): Attack => ({
  name: `import ${name}`,
  code,
  module: true,
});
const late = (expression: string) =>
  `export const collect = async () => ({ value: null, message: String(JSON.stringify(await ${expression})) });`;

const IMPORTS: Attack[] = [
  imported("js", ({ secret_js }) => late(`import(${url(secret_js)})`)),
  imported(
    "json",
    ({ secret_json }) => late(`import(${url(secret_json)}, { with: { type: "json" } })`),
  ),
  imported("text", ({ secret }) => late(`import(${url(secret)}, { with: { type: "text" } })`)),
  imported("bytes", ({ secret }) => late(`import(${url(secret)}, { with: { type: "bytes" } })`)),
  imported("wasm", ({ secret_wasm }) => late(`import(${url(secret_wasm)})`)),
  imported("hidden", ({ secret_js }) => late(`im\\u0070ort(${url(secret_js)})`)),
  imported("split", ({ secret_js }) => late(`import/* */\n( ${url(secret_js)})`)),
  imported("deferred", ({ secret_js }) => late(`import.defer(${url(secret_js)})`)),
  imported(
    "static",
    ({ secret_js }) =>
      `import secret from ${
        url(secret_js)
      };\nexport const collect = () => ({ value: null, message: secret });`,
  ),
  imported(
    "outside",
    () =>
      `import secret from "../secret.js";\nexport const collect = () => ({ value: null, message: secret });`,
  ),
  imported(
    "reexport",
    ({ secret_js }) => `export * from ${url(secret_js)};\nexport const collect = () => 1;`,
  ),
  imported(
    "data",
    ({ secret_js }) =>
      `import "data:text/javascript,import(${
        encodeURIComponent(url(secret_js))
      })";\nexport const collect = () => 1;`,
  ),
  imported("node", () => `import fs from "node:fs";\nexport const collect = () => 1;`),
  imported("npm", () => `import "npm:zod";\nexport const collect = () => 1;`),
  imported("network", () => `import "https://127.0.0.1/x.js";\nexport const collect = () => 1;`),
  imported("meta", () => "export const collect = () => import.meta.url.length;"),
  imported("resolve", () => `export const collect = () => import.meta.resolve("node:fs").length;`),
];

const by = (name: string, code: Attack["code"]): Attack => ({ name: `code ${name}`, code });
/** In two pieces, so that it is not seen before it runs. */
const inner = (path: string) => `"im" + ${text(`port("file://${path}")`)}`;

const CODE: Attack[] = [
  by("eval", ({ secret_js }) => `return shown(await eval(${inner(secret_js)}));`),
  by("indirect eval", ({ secret_js }) => `return shown(await (0, eval)(${inner(secret_js)}));`),
  by(
    "Function",
    ({ secret_js }) => `return shown(await new Function("return " + ${inner(secret_js)})());`,
  ),
  by(
    "async function",
    ({ secret_js }) =>
      `const make = (async () => {}).constructor; return shown(await make("return " + ${
        inner(secret_js)
      })());`,
  ),
  by(
    "generator",
    ({ secret_js }) =>
      `const make = (function* () {}).constructor; return shown(await make("yield " + ${
        inner(secret_js)
      })().next().value);`,
  ),
  by(
    "reflect",
    ({ secret_js }) =>
      `return shown(await Reflect.construct(Reflect.getPrototypeOf(collect).constructor, ["return " + ${
        inner(secret_js)
      }])());`,
  ),
  by(
    "timer",
    () =>
      `setTimeout("globalThis.escaped = 1", 0); await host.sleep(30); return globalThis.escaped ?? 0;`,
  ),
  by("builtin module", () => `return process.getBuiltinModule("node:fs") ? 1 : 0;`),
  by("require", () => `return require("node:fs") ? 1 : 0;`),
  by(
    "createRequire",
    ({ secret_json }) =>
      `return shown(process.getBuiltinModule("node:module").createRequire("file:///")(${
        text(secret_json)
      }));`,
  ),
  by("vm", () => `return process.getBuiltinModule("node:vm").runInThisContext("1");`),
  by("worker", ({ secret_js }) => `new Worker(${url(secret_js)}, { type: "module" }); return 1;`),
  by(
    "blob worker",
    () => `new Worker(URL.createObjectURL(new Blob(["1"])), { type: "module" }); return 1;`,
  ),
  by(
    "worker with more",
    () =>
      `new Worker("data:text/javascript,1", { type: "module", deno: { permissions: "inherit" } }); return 1;`,
  ),
  by("scripts", ({ secret_js }) => `importScripts(${url(secret_js)}); return 1;`),
  by("insides", () => `return Deno[Deno.internal].core.ops ? 1 : 0;`),
  by(
    "insides by symbol",
    () =>
      `return Object.getOwnPropertySymbols(Deno).map((symbol) => Deno[symbol]).find((one) => one?.core) ? 1 : 0;`,
  ),
  by("insides of Node", () => `return process.binding("fs") ? 1 : 0;`),
  by("Node global", () => `return (globalThis.global ?? {}).process ? 1 : 0;`),
];

export const READING: readonly Attack[] = [...API, ...GRANTED, ...IMPORTS, ...CODE];
