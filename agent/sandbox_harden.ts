/**
 * Makes what all scripts of a Worker share unchangeable: the language's own objects and those of the
 * web. A script that could put its own `JSON.stringify` or `Map.prototype.get` in their place would
 * read what others return, or return it for them.
 *
 * A frozen prototype has a side effect: an object that inherits `toString` from it cannot be given one
 * by assignment. Scripts do that with a few names (`error.name = …`), so that these become accessors
 * which define the property on the object itself.
 *
 * Walked are functions, their prototypes and plain namespaces. Much of the web's is made only when it is
 * asked for, since it is heavy; it is frozen then.
 */

/** Names that are assigned on objects which inherit them. */
const ASSIGNED = new Set<PropertyKey>([
  ...["toString", "toLocaleString", "valueOf", "toJSON", "constructor", "name", "message"],
  ...["hasOwnProperty", "stack", "cause", "then"],
]);

/** Deno itself takes these away for a moment; a script that replaces them gains nothing by it. */
const MOVED_BY_DENO = ["queueMicrotask"];

/** What is found by syntax alone. */
function hidden(): unknown[] {
  const generators = [function* () {}, async function* () {}, async function () {}, () => {}];
  const iterators = [
    [][Symbol.iterator](),
    new Map().entries(),
    new Set().values(),
    ""[Symbol.iterator](),
  ];
  iterators.push("".matchAll(/./g));
  return [...generators, ...iterators].map((one) => Object.getPrototypeOf(one));
}

/** Freezes the objects that the global object `scope` leads to, and its properties. */
export function hardenIntrinsics(scope: object): void {
  const walk = new Walk(scope);
  for (const name of Object.getOwnPropertyNames(scope)) {
    const property = Object.getOwnPropertyDescriptor(scope, name);
    if (property === undefined) continue;
    if ("value" in property) {
      walk.add(property.value);
      closeInstance(scope, property.value);
      if (property.configurable && !MOVED_BY_DENO.includes(name)) {
        define(scope, name, property.value);
      }
    } else if (property.get !== undefined && property.configurable) {
      holdLazy(scope, name, { made: property.get, walk });
    }
  }
  for (const one of hidden()) walk.add(one);
  // prototypes of the global object, EventTarget's among them
  walk.add(Object.getPrototypeOf(scope));
  walk.run();
}

/** What is made when it is first asked for stays as it is made. */
function holdLazy(scope: object, name: string, lazy: { made: () => unknown; walk: Walk }): void {
  let value: unknown;
  let known = false;
  const get = () => {
    if (known) return value;
    value = Reflect.apply(lazy.made, scope, []);
    known = true;
    lazy.walk.add(value);
    lazy.walk.run();
    closeInstance(scope, value);
    return value;
  };
  Object.defineProperty(scope, name, { get, set: undefined, configurable: false });
}

/** `performance`, `crypto` and their like keep a state of their own, but get no new properties. */
function closeInstance(scope: object, value: unknown): void {
  if (typeof value === "object" && value !== null && value !== scope) {
    Object.preventExtensions(value);
  }
}

function define(scope: object, name: string, value: unknown): void {
  Object.defineProperty(scope, name, { value, writable: false, configurable: false });
}

class Walk {
  readonly #scope: object;
  readonly #seen = new WeakSet<object>();
  readonly #open: object[] = [];
  readonly #new: object[] = [];

  constructor(scope: object) {
    this.#scope = scope;
  }

  /** Functions, their prototypes and plain namespaces; data of others stays theirs. */
  add(value: unknown): void {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
    if (value === this.#scope || this.#seen.has(value) || !isShared(value)) return;
    this.#seen.add(value);
    this.#open.push(value);
    this.#new.push(value);
  }

  run(): void {
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      this.add(Object.getPrototypeOf(next));
      for (const key of Reflect.ownKeys(next)) {
        const property = Object.getOwnPropertyDescriptor(next, key);
        for (const part of [property?.value, property?.get, property?.set]) this.add(part);
        if (ASSIGNED.has(key)) assignable(next, key, property);
      }
    }
    // only now: what is walked later may have been assignable through what came earlier
    for (const one of this.#new) Object.freeze(one);
    this.#new.length = 0;
  }
}

function isShared(value: object): boolean {
  // of a function that makes no objects nothing is ever read
  if (typeof value === "function") return Object.hasOwn(value, "prototype");
  // a prototype is known by its constructor; a namespace by having a tag, and no class
  const own = Object.getOwnPropertyDescriptor(value, "constructor")?.value;
  if (typeof own === "function") return true;
  const parent = Object.getPrototypeOf(value);
  return parent === Object.prototype || parent === null || Object.hasOwn(value, Symbol.toStringTag);
}

/** The same value, and assigning to an heir defines it there. */
function assignable(owner: object, key: PropertyKey, property?: PropertyDescriptor): void {
  if (property === undefined || !("value" in property) || !property.configurable) return;
  if (typeof owner === "function") return;
  const { value, enumerable } = property;
  Object.defineProperty(owner, key, {
    enumerable,
    configurable: false,
    get: () => value,
    set(this: object, assigned: unknown) {
      if (this === owner) throw new TypeError(`Cannot assign to ${String(key)}: it is shared`);
      Object.defineProperty(this, key, {
        value: assigned,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
  });
}
