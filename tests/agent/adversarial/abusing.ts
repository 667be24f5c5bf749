/** Attacks on time and memory: they end with their process, or are cut. */
import type { Attack } from "./world.ts";

const attack = (name: string, code: string, more: Partial<Attack> = {}): Attack => ({
  name,
  code: () => code,
  ...more,
});

const TIME: Attack[] = [
  attack("loop for ever", "for (;;);"),
  attack("loop in microtasks", "for (;;) await 0;"),
  attack("loop in an expression", 'return /^(a+)+$/.test("a".repeat(60) + "b") ? 1 : 1;'),
  attack("loop in a getter", "return { get a() { for (;;); } };"),
  attack("loop in toJSON", "return { toJSON() { for (;;); } };"),
  attack("wait for ever", "await new Promise(() => {}); return 1;"),
  attack("wait for a thenable", "return { then() {} };"),
  attack(
    "wait in Atomics",
    "const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });" +
      " Atomics.wait(new Int32Array(buffer), 0, 0); return 1;",
  ),
  attack(
    "ask without end",
    'for (;;) { try { await host.read("/proc/loadavg"); } catch { /* again */ } }',
  ),
  attack(
    "ask at once",
    "await Promise.all(Array.from({ length: 100_000 }, () => host.uptime().catch(() => 0))); return 0;",
  ),
  attack("sleep beyond the deadline", "await host.sleep(3_600_000); return 1;"),
  attack("leave a loop behind", "setTimeout(() => { for (;;); }, 50); return 0;"),
  attack(
    "leave timers behind",
    "setInterval(() => { for (let i = 0; i < 1e5; i++) host.uptime().catch(() => 0); }, 1); return 0;",
  ),
];

const MEMORY: Attack[] = [
  attack(
    "fill the heap",
    "const all = []; for (;;) all.push({ n: all.length, more: [all.length] });",
  ),
  attack("fill buffers", "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));"),
  attack("fill one buffer", "return new Uint8Array(4e9).fill(1).length;"),
  attack(
    "fill slowly",
    "const all = []; for (;;) { all.push(new Uint8Array(1e7).fill(1)); await host.sleep(1); }",
  ),
  attack("fill strings", 'let all = "x"; for (;;) all += all + Math.random();'),
  attack(
    "fill wasm",
    "const memory = new WebAssembly.Memory({ initial: 60_000 }); new Uint8Array(memory.buffer).fill(1); return 1;",
  ),
  attack("return too much", 'return { value: 1, message: "x".repeat(3e6) };'),
  attack(
    "return many",
    "return Object.fromEntries(Array.from({ length: 1e6 }, (_, n) => [`k${n}`, n]));",
  ),
  attack(
    "return deep",
    "let deep = 1; for (let n = 0; n < 1e5; n++) deep = { deep }; return deep;",
  ),
  attack("return a ring", "const ring = {}; ring.ring = ring; return ring;"),
  attack("return a proxy", "return new Proxy({}, { ownKeys() { for (;;); } });"),
  attack(
    "return a prototype",
    'return JSON.parse(\'{"__proto__": {"a": "b"}, "constructor": {"prototype": "c"}}\');',
  ),
  attack("return NaN", "return { a: NaN };"),
  attack("return a function", "return () => 1;"),
  attack("throw too much", 'throw new Error("x".repeat(1e8));'),
  attack("throw a proxy", 'throw new Proxy({}, { get() { throw new Error("again"); } });'),
  attack(
    "throw a strange error",
    "const error = new Error('a'); Object.defineProperty(error, 'stack', { get() { for (;;); } }); throw error;",
  ),
  attack(
    "print without end",
    'for (let n = 0; n < 1e6; n++) console.log("x".repeat(1000)); return 0;',
  ),
];

const LOADING: Attack[] = [
  attack("load for ever", "for (;;);\nexport const collect = () => 1;", { module: true }),
  attack("load and wait", "await new Promise(() => {});\nexport const collect = () => 1;", {
    module: true,
  }),
  attack(
    "load and fill",
    "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));\nexport const collect = () => 1;",
    {
      module: true,
    },
  ),
];

export const ABUSING: readonly Attack[] = [...TIME, ...MEMORY];
export const LOADING_ATTACKS: readonly Attack[] = LOADING;
