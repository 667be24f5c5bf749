/** Attacks that want to write, connect, start programs, end the agent, or speak for others. */
import type { Attack } from "./world.ts";

const text = (value: string) => JSON.stringify(value);
const attack = (name: string, code: Attack["code"], more: Partial<Attack> = {}): Attack => ({
  name,
  code,
  ...more,
});

const WRITING: Attack[] = [
  attack("write text", ({ kept }) => `await Deno.writeTextFile(${text(kept)}, "x"); return 1;`),
  attack(
    "write sync",
    ({ kept }) => `Deno.writeFileSync(${text(kept)}, new Uint8Array(3)); return 1;`,
  ),
  attack("write open", ({ kept }) => `await Deno.open(${text(kept)}, { write: true }); return 1;`),
  attack(
    "write append",
    ({ kept }) => `await Deno.writeTextFile(${text(kept)}, "x", { append: true }); return 1;`,
    {
      permissions: ({ granted }) => ({ read: true, write: [granted] }),
    },
  ),
  attack("write truncate", ({ kept }) => `await Deno.truncate(${text(kept)}); return 1;`),
  attack("write remove", ({ kept }) => `await Deno.remove(${text(kept)}); return 1;`),
  attack("write mode", ({ kept }) => `await Deno.chmod(${text(kept)}, 0o777); return 1;`),
  attack(
    "write folder",
    ({ empty_dir }) => `await Deno.mkdir(${text(`${empty_dir}/a`)}); return 1;`,
  ),
  attack("write temporary", () => `await Deno.makeTempFile(); return 1;`),
  attack(
    "write beside what is granted",
    ({ writable_dir }) =>
      `await Deno.writeTextFile(${text(`${writable_dir}/../empty/a`)}, "x"); return 1;`,
    {
      permissions: ({ writable_dir }) => ({ write: [writable_dir] }),
    },
  ),
  attack(
    "write through a link",
    ({ granted_dir }) =>
      `Deno.writeTextFileSync(${text(`${granted_dir}/kept_link`)}, "x"); return 1;`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    },
  ),
  attack(
    "write open through a link",
    ({ granted_dir }) =>
      `Deno.openSync(${text(`${granted_dir}/kept_link`)}, { read: true, write: true }); return 1;`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    },
  ),
  attack(
    "write open that changes its mind",
    ({ granted_dir }) =>
      `let n = 0; const options = { read: true, get write() { return n++ > 0; } };` +
      ` const file = Deno.openSync(${text(`${granted_dir}/kept_link`)}, options);` +
      ` try { return file.writeSync(new Uint8Array(1)); } catch { return 0; }`,
    {
      permissions: ({ granted_dir }) => ({ read: true, write: [granted_dir] }),
    },
  ),
  ...[
    ...["makeTempFile", "makeTempDir"].flatMap((name): [string, Attack["code"]][] => [
      [
        name,
        ({ granted_dir }) => `await Deno.${name}({ dir: ${text(`${granted_dir}/empty_link`)} });`,
      ],
      [
        `${name} that changes its mind`,
        // the first of them is what was granted
        ({ granted_dir }) =>
          `let n = 0; Deno.${name}Sync({ get dir() { return ${text(granted_dir)} +` +
          ` (n++ < 1 ? "" : "/empty_link"); } }); return 0;`,
      ],
    ]),
    [
      "a link to nothing",
      ({ granted_dir }) => `Deno.writeTextFileSync(${text(`${granted_dir}/missing_link`)}, "x");`,
    ] satisfies [string, Attack["code"]],
    [
      "folders behind a link",
      ({ granted_dir }) =>
        `Deno.mkdirSync(${text(`${granted_dir}/empty_link/a/b`)}, { recursive: true });`,
    ] satisfies [string, Attack["code"]],
  ].map(([name, code]) =>
    attack(`write by ${name}`, (place) => `${code(place)} return 1;`, {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    })
  ),
  attack(
    "write into a linked folder",
    ({ granted_dir }) =>
      `Deno.writeTextFileSync(${text(`${granted_dir}/empty_link/new`)}, "x"); return 1;`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    },
  ),
  attack(
    "write a folder in a linked folder",
    ({ granted_dir }) => `Deno.mkdirSync(${text(`${granted_dir}/empty_link/new`)}); return 1;`,
    {
      permissions: ({ granted_dir }) => ({ read: [granted_dir], write: [granted_dir] }),
    },
  ),
  attack("store cache", () => `await caches.open("a"); return 1;`),
  attack("store kv", () => `await Deno.openKv(); return 1;`),
  attack("store local", () => `localStorage.setItem("a", "b"); return 1;`),
  attack("store indexed", () => `indexedDB.open("a"); return 1;`),
];

const loopback = (port: number) => `{ hostname: "127.0.0.1", port: ${port} }`;

const CONNECTING: Attack[] = [
  attack("connect tcp", ({ port }) => `await Deno.connect(${loopback(port)}); return 1;`),
  attack("connect tls", ({ port }) => `await Deno.connectTls(${loopback(port)}); return 1;`),
  attack("connect another port", ({ port }) => `await Deno.connect(${loopback(port)}); return 1;`, {
    permissions: ({ granted_port }) => ({ net: [`127.0.0.1:${granted_port}`] }),
  }),
  attack(
    "connect by name",
    ({ port }) => `await Deno.connect({ hostname: "localhost", port: ${port} }); return 1;`,
    {
      permissions: ({ granted_port }) => ({ net: [`localhost:${granted_port}`] }),
    },
  ),
  attack(
    "connect socket",
    ({ socket }) => `await Deno.connect({ transport: "unix", path: ${text(socket)} }); return 1;`,
  ),
  attack(
    "connect socket with net",
    ({ socket }) => `await Deno.connect({ transport: "unix", path: ${text(socket)} }); return 1;`,
    {
      permissions: () => ({ net: ["127.0.0.1"] }),
    },
  ),
  attack("connect fetch", ({ port }) => `await fetch("http://127.0.0.1:${port}/"); return 1;`),
  attack(
    "connect websocket",
    ({ port }) =>
      `await new Promise((open, fail) => { const s = new WebSocket("ws://127.0.0.1:${port}/");` +
      ` s.onopen = open; s.onerror = fail; }); return 1;`,
  ),
  attack(
    "connect events",
    ({ port }) =>
      `const events = new EventSource("http://127.0.0.1:${port}/"); await host.sleep(100); events.close(); return 0;`,
  ),
  attack(
    "connect unix client",
    ({ socket }) =>
      `const client = Deno.createHttpClient({ proxy: { transport: "unix", path: ${
        text(socket)
      } } });` +
      ` await fetch("http://a/", { client }); return 1;`,
  ),
  attack(
    "connect proxy",
    ({ port }) =>
      `const client = Deno.createHttpClient({ proxy: { url: "http://127.0.0.1:${port}" } });` +
      ` await fetch("http://a.example/", { client }); return 1;`,
  ),
  attack("connect datagram", () => `Deno.listenDatagram({ transport: "udp", port: 0 }); return 1;`),
  attack("connect names", () => `await Deno.resolveDns("a.example", "A"); return 1;`),
  attack("listen", () => `Deno.listen({ port: 0 }); return 1;`),
  attack(
    "listen socket",
    ({ empty_dir }) =>
      `Deno.listen({ transport: "unix", path: ${text(`${empty_dir}/s`)} }); return 1;`,
  ),
  attack("serve", () => `Deno.serve(() => new Response("")); return 1;`),
];

const EXECUTING: Attack[] = [
  attack(
    "run command",
    ({ program }) => `await new Deno.Command(${text(program)}).output(); return 1;`,
  ),
  attack("run sync", ({ program }) => `new Deno.Command(${text(program)}).outputSync(); return 1;`),
  attack("run spawn", ({ program }) => `Deno.spawn(${text(program)}); return 1;`),
  attack("run old", ({ program }) => `Deno.run({ cmd: [${text(program)}] }); return 1;`),
  attack(
    "run with files",
    ({ program }) => `new Deno.Command(${text(program)}).outputSync(); return 1;`,
    {
      permissions: ({ program }) => ({ read: [program], write: [program] }),
    },
  ),
  attack(
    "run child_process",
    ({ program }) =>
      `process.getBuiltinModule("child_process").execSync(${text(program)}); return 1;`,
  ),
  attack("run library", () => `Deno.dlopen("libc.so.6", {}); return 1;`),
  attack(
    "run addon",
    ({ program }) => `process.dlopen({ exports: {} }, ${text(program)}); return 1;`,
  ),
  attack("run pointer", () => `return Deno.UnsafePointer.create(1n) ? 1 : 0;`),
];

const ENDING: Attack[] = [
  attack("end exit", () => `Deno.exit(0); return 1;`),
  attack("end process exit", () => `process.exit(0); return 1;`),
  attack("end abort", () => `process.abort(); return 1;`),
  attack("end close", () => `self.close(); return 1;`),
  attack("end kill", () => `Deno.kill(Deno.pid, "SIGKILL"); return 1;`),
  attack("end parent", () => `Deno.kill(Deno.ppid ?? 1, "SIGKILL"); return 1;`),
  attack("end process kill", () => `process.kill(process.ppid, 9); return 1;`),
  attack("end signals", () => `Deno.addSignalListener("SIGTERM", () => {}); return 1;`),
  attack("end directory", () => `Deno.chdir("/"); return 1;`),
  attack("end mask", () => `Deno.umask(0); return 1;`),
  attack("end rejection", () => `Promise.reject(new Error("left behind")); return 0;`),
  attack(
    "end error",
    () =>
      `setTimeout(() => { throw new Error("left behind"); }, 1); await host.sleep(20); return 0;`,
  ),
  attack("end reportError", () => `reportError(new Error("reported")); return 0;`),
  attack("end recursion", () => `const deep = () => deep() + 1; return deep();`),
];

const FORGING: Attack[] = [
  attack(
    "forge message",
    () => `postMessage({ type: "done", request: 1, json: "666" }); return 1;`,
  ),
  attack("forge bound message", () =>
    `const forged = { type: "done", request: 1, json: "666" };` +
    ` (globalThis.postMessage ?? Object.getPrototypeOf(globalThis).postMessage).call(globalThis, forged); return 1;`),
  attack(
    "forge stdout",
    () =>
      `const body = new TextEncoder().encode('{"type":"said","cell":1,"message":{"type":"done","request":1,"json":"666"}}');` +
      ` Deno.stdout.writeSync(new Uint8Array([body.length, 0, 0, 0, ...body])); return 1;`,
  ),
  attack(
    "forge console",
    () =>
      `for (let i = 0; i < 100; i++) console.log("{}\\0\\0\\0", { toString() { throw 1; } }); return 0;`,
  ),
  attack(
    "forge event",
    () =>
      `dispatchEvent(new MessageEvent("message", { data: { type: "load", request: 1, script: "x", text: "" } })); return 0;`,
  ),
  attack("listen to messages", () => `addEventListener("message", () => {}); return 1;`),
  attack(
    "listen by prototype",
    () => `EventTarget.prototype.addEventListener.call(globalThis, "message", () => {}); return 1;`,
  ),
  attack(
    "listen by symbol",
    () =>
      `const held = Object.getOwnPropertySymbols(globalThis).map((symbol) => globalThis[symbol]?.listeners?.message);` +
      ` held.find((one) => one !== undefined).push({ callback() {} }); return 1;`,
  ),
  attack("listen by property", () => `globalThis.onmessage = () => {}; return 1;`),
  attack(
    "revoke what others have",
    ({ granted }) =>
      `const path = ${
        text(granted)
      }; await Deno.permissions.revoke({ name: "read", path }); return 1;`,
    {
      permissions: ({ granted }) => ({ read: [granted] }),
    },
  ),
  attack(
    "revoke by prototype",
    ({ granted }) =>
      `const { revokeSync } = Object.getPrototypeOf(Deno.permissions);` +
      ` revokeSync.call(Deno.permissions, { name: "read", path: ${text(granted)} }); return 1;`,
    {
      permissions: ({ granted }) => ({ read: [granted] }),
    },
  ),
  attack(
    "change performance",
    () => `Object.defineProperty(performance, "now", { value: () => 0 }); return 1;`,
  ),
  attack("change crypto", () => `crypto.randomUUID = () => "a"; return 1;`),
  attack(
    "change permissions",
    () => `Object.defineProperty(Deno.permissions, "query", { value: () => 0 }); return 1;`,
  ),
  attack("change the environment", () => `Deno.env.set("A", "b"); return 1;`, {
    permissions: () => ({ env: ["A"] }),
  }),
  attack("change JSON", () => `JSON.stringify = () => "666"; return 1;`),
  attack("change Map", () => `Map.prototype.get = () => () => 666; return 1;`),
  attack("change Promise", () => `Promise.prototype.then = () => {}; return 1;`),
  attack(
    "change Object",
    () => `Object.defineProperty(Object.prototype, "type", { get: () => "pong" }); return 1;`,
  ),
  attack("change by __proto__", () => `({}).__proto__.polluted = 1; return 1;`),
  attack("change fetch", () => `globalThis.fetch = async () => ({ ok: true }); return 1;`),
  attack("change Response", () => `Response.prototype.json = () => ({}); return 1;`),
  attack("change Deno", () => `Deno.connect = () => {}; return 1;`),
  attack("change errors", () => `Error.prepareStackTrace = (_, frames) => frames; return 1;`),
  attack(
    "change iterators",
    () => `Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true }); return 1;`,
  ),
  attack("share by channel", () => `new BroadcastChannel("a").postMessage("b"); return 1;`),
  attack("share memory", () => `return new SharedArrayBuffer(8).byteLength;`),
];

export const ACTING: readonly Attack[] = [
  ...WRITING,
  ...CONNECTING,
  ...EXECUTING,
  ...ENDING,
  ...FORGING,
];
